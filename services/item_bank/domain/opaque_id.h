// Ids that say nothing: keyed hashes in lower-case base 32 (a-z, 2-7), uniform in every bit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace invigil::item_bank {

// `count` different ids of 16 characters for the places of the form built from `seed`. Without the
// secret nothing about seed, place or neighbour can be told from them.
std::vector<std::string> PlaceIds(std::string_view secret, uint64_t seed, size_t count);

// The id (24 characters) of what a version of an item says; the same for every form that shows it.
std::string ContentId(std::string_view secret, std::string_view item_id, uint32_t version);

// The id (24 characters) of the text of a part; the same for every exam that shows the same text.
std::string PartContentId(std::string_view secret, std::string_view text);

}  // namespace invigil::item_bank
