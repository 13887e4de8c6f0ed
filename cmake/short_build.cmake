# What keeps the build short; CONTRIBUTING.md, "How long it takes", has the figures. Nothing here changes what a program computes.
#
# Precompiled headers hold headers of other people only, so that no part of the house sees another one through them, and the checker has its own. The
# debug preset builds without them (CMAKE_DISABLE_PRECOMPILE_HEADERS): there a file that does not include what it uses is noticed.

set(LIPCERT_STANDARD_HEADERS <algorithm> <array> <atomic> <bit> <chrono> <cmath> <cstdint> <cstdio> <cstdlib> <cstring> <functional> <limits> <map> <memory>
  <mutex> <numeric> <optional> <random> <set> <string> <string_view> <thread> <utility> <variant> <vector>)

# lipcert_targets(<result> <folder>...): the targets of these folders, and of those below them, that compile C++.
function(lipcert_targets result)
  set(found "")
  foreach(folder IN LISTS ARGN)
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
      get_target_property(type ${target} TYPE)
      if(type MATCHES "^(STATIC_LIBRARY|OBJECT_LIBRARY|EXECUTABLE)$")
        list(APPEND found ${target})
      endif()
    endforeach()
    get_property(below DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
    if(below)
      lipcert_targets(deeper ${below})
      list(APPEND found ${deeper})
    endif()
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# g++ 12 sees an impossible overlap in `"literal" + std::string` (GCC bug 105651), and where <string> is precompiled an impossible length or bound too.
set(LIPCERT_PRECOMPILED_OPTIONS "$<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>" "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>")

# lipcert_precompile(<owner> HEADERS <header>... TARGETS <target>...): compiled for the owner, used by the other targets too.
function(lipcert_precompile owner)
  cmake_parse_arguments(PCH "" "" "HEADERS;TARGETS" ${ARGN})
  target_precompile_headers(${owner} PRIVATE ${PCH_HEADERS})
  if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    foreach(target IN LISTS PCH_TARGETS)
      target_compile_options(${target} PRIVATE ${LIPCERT_PRECOMPILED_OPTIONS})
    endforeach()
  endif()
  foreach(target IN LISTS PCH_TARGETS)
    get_target_property(headers ${target} PRECOMPILE_HEADERS)
    get_target_property(reused ${target} PRECOMPILE_HEADERS_REUSE_FROM)
    if(NOT headers AND NOT reused AND NOT target STREQUAL owner)
      target_precompile_headers(${target} REUSE_FROM ${owner})
    endif()
  endforeach()
endfunction()

# Sources with processor flags of their own cannot use headers that were compiled without them.
function(lipcert_skip_precompiled)
  foreach(target IN LISTS ARGN)
    get_target_property(sources ${target} SOURCES)
    get_target_property(folder ${target} SOURCE_DIR)
    list(FILTER sources INCLUDE REGEX "_avx[0-9]+[.]cpp$")
    list(TRANSFORM sources PREPEND ${folder}/)
    if(sources)
      set_source_files_properties(${sources} DIRECTORY ${folder} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

# Command lines, statements, envelopes, the reading of a graph's attributes: little time is spent in them, and much in compiling JSON, CLI11 and Boost.
function(lipcert_little_optimised pattern)
  foreach(target IN LISTS ARGN)
    get_target_property(sources ${target} SOURCES)
    get_target_property(folder ${target} SOURCE_DIR)
    list(FILTER sources INCLUDE REGEX "${pattern}")
    list(TRANSFORM sources PREPEND ${folder}/)
    if(sources)
      set_property(SOURCE ${sources} DIRECTORY ${folder} APPEND PROPERTY COMPILE_OPTIONS "$<$<CONFIG:Release>:-O1>")
    endif()
  endforeach()
endfunction()

lipcert_targets(generator formats certify)
lipcert_targets(checker verifier)
lipcert_little_optimised("^(commands|certificate)/|^attack/certified[.]cpp$" ${generator})
lipcert_little_optimised("^(program|envelope|verdict)/|^graph/(attributes|build|onnx|shapes)[.]cpp$" ${checker})
lipcert_skip_precompiled(${generator} ${checker})
if(TARGET lipproof_front)
  lipcert_little_optimised("^front/(bounds|claimed_blocks|claims|convert|entry_layers|layers|main|node_layers|problem_text|tree)[.]cpp$" lipproof_front lipproof)
endif()

# Three parts gain by it: files of the checker and of lipproof's front see Boost's integers, those of the trainer Eigen. Loading the standard library precompiled
# takes as long as most files of formats/ and certify/ need for it.
lipcert_precompile(lipverify_trusted HEADERS ${LIPCERT_STANDARD_HEADERS} <boost/multiprecision/cpp_int.hpp> TARGETS ${checker})
if(TARGET liptrain_core)
  lipcert_precompile(liptrain_core HEADERS ${LIPCERT_STANDARD_HEADERS} <Eigen/Dense> TARGETS liptrain_core)
endif()
if(TARGET lipproof_front)
  lipcert_precompile(lipproof_front HEADERS ${LIPCERT_STANDARD_HEADERS} <boost/multiprecision/cpp_int.hpp> <nlohmann/json.hpp> TARGETS lipproof_front lipproof)
endif()
