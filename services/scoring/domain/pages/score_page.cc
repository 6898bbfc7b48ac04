#include "services/scoring/domain/pages/score_page.h"

#include <algorithm>
#include <cmath>

#include "services/scoring/domain/pages/html.h"
#include "services/scoring/domain/pages/plots.h"

namespace invigil::scoring::reports {
namespace {

const char* ZoneWords(int zone) {
  return zone < 0 ? "Below just passing" : zone > 0 ? "Above just passing" : "Not enough evidence";
}

std::string Distance(const ScoreFacts& facts) {
  const int32_t distance = facts.scaled_score - facts.cut_score;
  const std::string points = distance == 1 || distance == -1 ? " point " : " points ";
  if (distance == 0) return "The score is exactly what just passes.";
  return "The score is " + std::to_string(std::abs(distance)) + points +
         (distance > 0 ? "above" : "below") + " what just passes.";
}

std::string Result(const ScoreFacts& facts) {
  const std::string verdict = std::string("<p class=\"verdict ") +
                              (facts.passed ? "pass\">Pass" : "fail\">Fail") + "</p>\n";
  if (facts.pass_fail_only) {
    return "<div class=\"result\">" + verdict + "</div>\n" +
           Paragraph("This programme reports pass or fail only; no number is told.");
  }
  const double error = std::max(0.0, facts.standard_error);
  const double low = std::max<double>(facts.scale_min, std::round(facts.scaled_score - error));
  const double high = std::min<double>(facts.scale_max, std::round(facts.scaled_score + error));
  const ScalePlot plot{.min = static_cast<double>(facts.scale_min),
                       .max = static_cast<double>(facts.scale_max),
                       .cut = static_cast<double>(facts.cut_score),
                       .score = static_cast<double>(facts.scaled_score),
                       .low = low,
                       .high = high};
  return "<div class=\"result\"><p class=\"score\">" + std::to_string(facts.scaled_score) +
         "</p>\n" + verdict + "</div>\n" +
         Paragraph("Scaled score, on a scale from " + std::to_string(facts.scale_min) + " to " +
                   std::to_string(facts.scale_max) + "; " + std::to_string(facts.cut_score) +
                   " passes. " + Distance(facts)) +
         Draw(plot) +
         Paragraph("Chance alone moves such a score by about " + Number(error) +
                   " points either way (one standard error): from " + Number(low) + " to " +
                   Number(high) + ".");
}

std::string Domains(const ScoreFacts& facts) {
  std::string out =
      "<div class=\"scroll\"><table>\n<caption>Each domain against what just passing takes. The "
      "three fields stand for below, not enough evidence, and above.</caption>\n<thead><tr><th "
      "scope=\"col\">Domain</th><th scope=\"col\" class=\"number\">Weight</th><th "
      "scope=\"col\">Result</th></tr></thead>\n<tbody>\n";
  for (const DomainFacts& domain : facts.domains) {
    out += "<tr><th scope=\"row\">" + Escape(domain.domain_id + " " + domain.name);
    if (!domain.explanation.empty()) {
      out += "<span class=\"note\">" + Escape(domain.explanation) + "</span>";
    }
    out += "</th><td class=\"number\">" + Percent(domain.weight_percent / 100, 1) + "</td><td>" +
           ZoneWords(domain.zone) +
           DrawZones(domain.zone, std::string(ZoneWords(domain.zone)) + ": " + domain.name) +
           "</td></tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::string Meaning(const ScoreFacts& facts) {
  std::string out;
  if (!facts.pass_fail_only) {
    out += Paragraph(
        "The number is no percentage. Forms differ in difficulty; the scale takes that "
        "out, so that the same score stands for the same mastery on every form, and " +
        std::to_string(facts.cut_score) +
        " is the standard on all of them. Nobody's result depends on who else sat.");
  }
  if (!facts.basis.empty()) out += Paragraph(facts.basis);
  if (!facts.disclaimer.empty()) out += Paragraph(facts.disclaimer);
  return out;
}

}  // namespace

std::string ScorePage(const ScoreFacts& facts) {
  std::string subtitle = "Session " + facts.session_id;
  if (!facts.scored_at.empty()) subtitle += ", scored " + facts.scored_at;
  if (facts.score_version > 1) subtitle += ", version " + std::to_string(facts.score_version);
  std::string body = Section("result", "Result", Result(facts));
  if (!facts.domains.empty()) body += Section("domains", "Domains", Domains(facts));
  if (!facts.explanation.empty() && !facts.pass_fail_only) {
    body += Section("explanation", "How the score came about", Paragraph(facts.explanation));
  }
  body += Section("meaning", facts.pass_fail_only ? "What this result is" : "What this number is",
                  Meaning(facts));
  return Render(Page{.title = facts.title,
                     .kind = "Practice estimate \u00b7 score report",
                     .subtitle = subtitle,
                     .body = body});
}

}  // namespace invigil::scoring::reports
