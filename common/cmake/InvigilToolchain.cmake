set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Asserts stay in: an exam system would rather stop than go on with a broken invariant.
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -fno-omit-frame-pointer")

add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers)
# GCC 12 gives false positives of these where a precompiled header holds std::string.
add_compile_options(-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
# hiredis defines it; a precompiled header is used by those alone who define what it was made with.
add_compile_definitions(_FILE_OFFSET_BITS=64)
option(INVIGIL_WERROR "Treat warnings as errors" ON)
if(INVIGIL_WERROR)
  add_compile_options(-Werror)
endif()

set(INVIGIL_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them")
if(INVIGIL_SANITIZE)
  add_compile_options(-fsanitize=${INVIGIL_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${INVIGIL_SANITIZE})
  # GCC 12 gives false positives of these under sanitizers.
  add_compile_options(-Wno-maybe-uninitialized -Wno-tsan)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Without this it keeps nothing that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
