# cmake -DINPUT=file -DOUTPUT=file.cc -P embed_file.cmake
#
# Turns the descriptor set into a source file, so that the gateway needs no file beside it and can't
# meet the descriptors of another build.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "#include \"services/gateway/forward/catalogue.h\"

namespace invigil::gateway {
namespace {

constexpr unsigned char kBytes[] = {${bytes}};

}  // namespace

std::string_view BuiltInDescriptors() {
  return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)};
}

}  // namespace invigil::gateway
")
