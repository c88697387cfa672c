# SPDX-License-Identifier: MPL-2.0
# What every target shares: flags, packages, and the two functions that make layers and tests.

option (ZLOOM_TESTS "Build the tests" ON)
option (ZLOOM_WERROR "Treat warnings as errors (the ci preset sets it)" OFF)
option (ZLOOM_JQ "Build the module for workers with `jq:` (needs libjq)" ON)
option (ZLOOM_LTO "Optimise over all files at once (the release preset sets it)" OFF)
option (ZLOOM_FUZZ "Build libFuzzer targets (needs clang)" OFF)
set (ZLOOM_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")
if (ZLOOM_FUZZ AND NOT ZLOOM_SANITIZE)
    set (ZLOOM_SANITIZE "fuzzer-no-link,address,undefined")
endif ()

if (NOT CMAKE_BUILD_TYPE)
    set (CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif ()
set (CMAKE_C_STANDARD 17)
set (CMAKE_C_STANDARD_REQUIRED ON)
set (CMAKE_C_EXTENSIONS OFF)
set (CMAKE_POSITION_INDEPENDENT_CODE ON)
set (CMAKE_EXPORT_COMPILE_COMMANDS ON)
set (CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

add_compile_definitions (_GNU_SOURCE)
add_compile_options (-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
                     -Wconversion -Wvla -Wformat=2 -Wundef)
if (CMAKE_C_COMPILER_ID STREQUAL "Clang")
    # -Wconversion brings it there, and it dislikes assert (!"what cannot be").
    add_compile_options (-Wno-string-conversion)
endif ()
if (ZLOOM_WERROR)
    add_compile_options (-Werror)
endif ()
if (NOT ZLOOM_TESTS)
    # What people get has no path of the build in it, however the build names its sources.
    cmake_path (RELATIVE_PATH CMAKE_SOURCE_DIR BASE_DIRECTORY "${CMAKE_BINARY_DIR}"
                OUTPUT_VARIABLE source)
    add_compile_options ("-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/="
                         "-fmacro-prefix-map=${source}/=")
endif ()
if (ZLOOM_SANITIZE)
    add_compile_options (-fsanitize=${ZLOOM_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=undefined)
    if (CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # gcc's guesses about values err in instrumented code; the other builds have them on.
        add_compile_options (-Wno-format-truncation -Wno-maybe-uninitialized)
    endif ()
    add_link_options (-fsanitize=${ZLOOM_SANITIZE})
elseif (NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options (-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
    add_link_options (-Wl,-z,relro,-z,now)
endif ()

# gcc clears a structure of 65 bytes or more with "rep stos", which takes longer to begin than the
# stores would take: up to 6 % of a bus's rate (docs/benchmarks.md).
include (CheckCCompilerFlag)
set (CLEAR_BY_STORES "-mmemset-strategy=unrolled_loop:512:noalign,libcall:-1:noalign")
check_c_compiler_flag ("${CLEAR_BY_STORES}" ZLOOM_CAN_CLEAR_BY_STORES)
if (ZLOOM_CAN_CLEAR_BY_STORES)
    add_compile_options ("${CLEAR_BY_STORES}")
    add_link_options ("${CLEAR_BY_STORES}") # which compiles, too, when it optimises
endif ()

if (ZLOOM_LTO)
    include (CheckIPOSupported)
    check_ipo_supported (RESULT CMAKE_INTERPROCEDURAL_OPTIMIZATION LANGUAGES C)
endif ()

find_package (PkgConfig REQUIRED)
find_package (Threads REQUIRED)
pkg_check_modules (LIBZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules (LIBCZMQ REQUIRED IMPORTED_TARGET libczmq)
pkg_check_modules (LIBFYAML REQUIRED IMPORTED_TARGET libfyaml)
pkg_check_modules (JANSSON REQUIRED IMPORTED_TARGET jansson)
# Debian 12 names it msgpack, later ones msgpack-c; Debian 13's file has relative paths in it, which
# mean nothing here and which a compiler finds by itself.
pkg_search_module (MSGPACK REQUIRED IMPORTED_TARGET msgpack-c msgpack)
foreach (property INTERFACE_INCLUDE_DIRECTORIES INTERFACE_LINK_DIRECTORIES)
    get_target_property (dirs PkgConfig::MSGPACK ${property})
    if (dirs)
        list (FILTER dirs INCLUDE REGEX "^/")
        set_target_properties (PkgConfig::MSGPACK PROPERTIES ${property} "${dirs}")
    endif ()
endforeach ()
if (ZLOOM_JQ)
    # Debian's has no pkg-config file.
    find_path (JQ_INCLUDE_DIR jq.h REQUIRED)
    find_library (JQ_LIBRARY jq REQUIRED)
endif ()
if (ZLOOM_TESTS)
    pkg_check_modules (CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif ()

# zloom_layer (NAME DIR folder [USES layers...] [LIBS targets...])
# One static library per folder. A folder without sources is a layer that is not there yet.
function (zloom_layer name)
    cmake_parse_arguments (L "" "DIR" "USES;LIBS" ${ARGN})
    file (GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${L_DIR}/*.c")
    list (FILTER sources EXCLUDE REGEX "/main\\.c$")
    set (target zloom_${name})
    if (sources)
        add_library (${target} STATIC ${sources})
        set (kind PUBLIC)
    else ()
        add_library (${target} INTERFACE)
        set (kind INTERFACE)
    endif ()
    target_include_directories (${target} ${kind} "${CMAKE_SOURCE_DIR}/lib" "${CMAKE_SOURCE_DIR}")
    foreach (used IN LISTS L_USES)
        target_link_libraries (${target} ${kind} zloom_${used})
    endforeach ()
    target_link_libraries (${target} ${kind} ${L_LIBS})
endfunction ()
