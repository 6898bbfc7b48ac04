#include "services/cli/stats/anchor.h"

#include <optional>
#include <set>
#include <unordered_map>

#include "common/config/value.h"
#include "common/error/error.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/csv.h"

namespace invigil::cli::stats {
namespace {

using scoring::linking::AbilityNodes;

absl::StatusOr<std::vector<std::string>> ListedItems(const std::string& file) {
  const auto table = ReadCsv(file);
  if (!table.ok()) return table.status();
  const auto column = table->Column("item");
  if (!column.ok()) return column.status();
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto& row : table->rows) {
    if (!seen.insert(row[*column]).second) {
      return InvalidArgument("ITEM_REPEATED", file + " lists \"" + row[*column] +
                                                  "\" twice; take one of the rows out");
    }
    names.push_back(row[*column]);
  }
  return names;
}

// KIND:COUNT[,LOW,HIGH] with the kind taken off.
std::optional<std::vector<double>> Numbers(const std::string& text, const std::string& kind,
                                           size_t count) {
  if (text.compare(0, kind.size() + 1, kind + ":") != 0) return std::nullopt;
  std::vector<double> numbers;
  for (const std::string& part : config::SplitList(text.substr(kind.size() + 1))) {
    const auto number = config::ParseReal(part);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  if (numbers.size() != count || numbers[0] != static_cast<int>(numbers[0])) return std::nullopt;
  return numbers;
}

}  // namespace

absl::StatusOr<Anchor> FindAnchor(const ItemFile& from, const ItemFile& to,
                                  const std::string& anchor_file) {
  std::unordered_map<std::string, size_t> in_from, in_to;
  for (size_t i = 0; i < from.items.size(); ++i) in_from[from.items[i]] = i;
  for (size_t i = 0; i < to.items.size(); ++i) in_to[to.items[i]] = i;
  std::vector<std::string> names = from.items;
  if (!anchor_file.empty()) {
    auto listed = ListedItems(anchor_file);
    if (!listed.ok()) return listed.status();
    names = *std::move(listed);
  }
  Anchor anchor;
  for (const std::string& name : names) {
    const auto left = in_from.find(name), right = in_to.find(name);
    const bool both = left != in_from.end() && right != in_to.end();
    if (!both && anchor_file.empty()) continue;
    if (!both) {
      return InvalidArgument("ANCHOR_ITEM_MISSING",
                             anchor_file + " lists \"" + name + "\", which " +
                                 (left == in_from.end() ? from.name : to.name) +
                                 " does not have; anchors stand in both files");
    }
    anchor.names.push_back(name);
    anchor.items.push_back({from.parameters[left->second], to.parameters[right->second]});
  }
  if (anchor.items.empty()) {
    return FailedPrecondition("ANCHOR_TOO_FEW", from.name + " and " + to.name +
                                                    " share no item name; common items link two "
                                                    "calibrations, name them alike");
  }
  return anchor;
}

FlagRow AnchorFlag() {
  return {"anchor", "FILE", "The common items to use (column item); all of them unless given.", ""};
}

FlagRow NodesFlag() {
  return {"nodes", "NODES",
          "Abilities at which curves are compared, on the scale linked to: gauss-hermite:COUNT, "
          "normal:COUNT,LOW,HIGH or uniform:COUNT,LOW,HIGH.",
          "gauss-hermite:30"};
}

absl::StatusOr<AbilityNodes> ReadNodes(const Arguments& arguments) {
  const std::string& text = arguments.Text("nodes");
  if (const auto n = Numbers(text, "gauss-hermite", 1); n && (*n)[0] >= 1 && (*n)[0] <= 200) {
    return scoring::linking::GaussHermite(static_cast<int>((*n)[0]));
  }
  for (const bool normal : {true, false}) {
    const auto n = Numbers(text, normal ? "normal" : "uniform", 3);
    if (!n || (*n)[0] < 2 || (*n)[0] > 10'000 || !((*n)[1] < (*n)[2])) continue;
    const auto make = normal ? scoring::linking::NormalGrid : scoring::linking::Uniform;
    return make(static_cast<int>((*n)[0]), (*n)[1], (*n)[2]);
  }
  return UsageError(
      "--nodes wants gauss-hermite:COUNT (1 to 200), normal:COUNT,LOW,HIGH or "
      "uniform:COUNT,LOW,HIGH, not \"" +
      text + "\"");
}

std::vector<std::string> LinkMethodNames() {
  std::vector<std::string> names;
  for (const auto method : scoring::linking::kLinkMethods) {
    names.emplace_back(scoring::linking::NameOf(method));
  }
  return names;
}

}  // namespace invigil::cli::stats
