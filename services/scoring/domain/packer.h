// Values one after another in a text that reads back exactly, whatever the values hold: each is its
// length, a colon, its bytes. Numbers have the fewest digits that read back the same.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace invigil::scoring {

class Packer {
 public:
  Packer& Text(std::string_view value) {
    Append(value.size());
    out_ += ':';
    out_ += value;
    return *this;
  }
  template <typename T>
  Packer& Number(T value) {
    char buffer[32];
    const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
    return Text({buffer, static_cast<size_t>(result.ptr - buffer)});
  }
  Packer& Texts(const std::vector<std::string>& values) {
    Number(values.size());
    for (const std::string& value : values) Text(value);
    return *this;
  }
  std::string Take() { return std::move(out_); }

 private:
  void Append(size_t value) {
    char buffer[24];
    out_.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
  }
  std::string out_;
};

// Reads what a Packer wrote. After the first value that is not as expected everything reads empty
// and Done is false.
class Unpacker {
 public:
  explicit Unpacker(std::string_view text) : rest_(text) {}

  std::string_view View() {
    size_t length = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), length);
    const size_t used = static_cast<size_t>(end - rest_.data());
    if (error != std::errc() || used >= rest_.size() || rest_[used] != ':' ||
        rest_.size() - used - 1 < length) {
      return Fail();
    }
    const std::string_view value = rest_.substr(used + 1, length);
    rest_ = rest_.substr(used + 1 + length);
    return value;
  }
  std::string Text() { return std::string(View()); }
  template <typename T>
  T Number() {
    const std::string_view word = View();
    T value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || word.empty()) {
      Fail();
      return T{};
    }
    return value;
  }
  // How many of something follow; never more than the text could hold.
  size_t Count() {
    const auto count = Number<size_t>();
    if (count <= rest_.size()) return count;
    Fail();
    return 0;
  }
  std::vector<std::string> Texts() {
    std::vector<std::string> values(Count());
    for (std::string& value : values) value = Text();
    return values;
  }
  bool good() const { return good_; }
  bool Done() const { return good_ && rest_.empty(); }

 private:
  std::string_view Fail() {
    good_ = false;
    rest_ = {};
    return {};
  }
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace invigil::scoring
