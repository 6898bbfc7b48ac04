# What nearly every file includes is parsed once. A file includes what it uses all the same: clang-tidy
# reads it without this, and so does -DINVIGIL_PRECOMPILED=OFF, for editors.
option(INVIGIL_PRECOMPILED "Precompile the headers that nearly every file includes" ON)
if(INVIGIL_PRECOMPILED)
  set(common_headers
    <algorithm> <atomic> <chrono> <condition_variable> <cstdint> <functional> <map> <memory> <mutex>
    <optional> <set> <sstream> <string> <string_view> <thread> <unordered_map> <utility> <variant>
    <vector> <absl/status/status.h> <absl/status/statusor.h> <absl/strings/str_cat.h>
    <absl/synchronization/mutex.h>)
  set(empty ${CMAKE_CURRENT_LIST_DIR}/precompiled.cc)
  add_library(invigil_headers OBJECT EXCLUDE_FROM_ALL ${empty})
  target_precompile_headers(invigil_headers PRIVATE ${common_headers})
  add_library(invigil_test_headers OBJECT EXCLUDE_FROM_ALL ${empty})
  target_precompile_headers(invigil_test_headers PRIVATE ${common_headers} <gmock/gmock.h> <gtest/gtest.h>)
  target_link_libraries(invigil_test_headers PRIVATE GTest::gmock GTest::gtest) # their definitions
endif()

# invigil_precompiled(TARGET invigil_headers|invigil_test_headers)
function(invigil_precompiled name headers)
  if(INVIGIL_PRECOMPILED)
    target_precompile_headers(${name} REUSE_FROM ${headers})
  endif()
endfunction()
