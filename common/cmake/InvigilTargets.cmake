# One way to declare a target, so that every CMakeLists.txt reads the same.
#
#   invigil_library(common_base SOURCES clock.cc DEPS absl::status [PRIVATE_DEPS x])
#   invigil_program(invigil-session SERVER SOURCES main.cc DEPS session_rpc)    SERVER: with tcmalloc
#   invigil_test(clock_test DEPS common_base [SOURCES other.cc])    source defaults to NAME.cc
#
# DEPS are public: what a room's headers name. PRIVATE_DEPS are what only its .cc files use;
# that is how gRPC, SQL and Redis headers are kept out of domain code.
function(invigil_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
    invigil_precompiled(${name} invigil_headers)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${ARG_DEPS})
  endif()
endfunction()

function(invigil_program name)
  cmake_parse_arguments(ARG "SERVER" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  invigil_precompiled(${name} invigil_headers)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  if(ARG_SERVER AND NOT INVIGIL_SANITIZE)
    # Nothing names it, so the linker must be told to keep it.
    target_link_libraries(${name} PRIVATE -Wl,--no-as-needed ${TCMALLOC} -Wl,--as-needed)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# Tests are built by the target `tests`, not by `all`: deploy/up does not pay for them.
add_custom_target(tests)
function(invigil_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_SOURCES)
    set(ARG_SOURCES ${name}.cc)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  invigil_precompiled(${name} invigil_test_headers)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(INVIGIL_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 8") # instrumented code runs up to ten times as long
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
  add_dependencies(tests ${name})
endfunction()
