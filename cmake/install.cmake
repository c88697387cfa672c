# SPDX-License-Identifier: MPL-2.0
# The shared library, and what an installed zloom is made of: the programs, zloom.h, libzloom with
# its pkg-config file and its CMake package, the helpers of workers in other languages, man pages,
# completions, the systemd unit. What lies in docs/man/*.1, nodes/worker/helpers and
# nodes/zloom/completions is installed; adding a file there is enough.
include (GNUInstallDirs)
include (CMakePackageConfigHelpers)

set (ZLOOM_LIBEXEC_DIR "${CMAKE_INSTALL_LIBEXECDIR}/zloom")
set (ZLOOM_HELPERS_DIR "${CMAKE_INSTALL_DATADIR}/zloom/helpers")

# Where nodes look for them (lib/io/install.h), below the prefix.
foreach (layer io worker)
    target_compile_definitions (
      zloom_${layer} PRIVATE ZLOOM_PREFIX="${CMAKE_INSTALL_PREFIX}"
                             ZLOOM_LIBEXEC_PLACE="${ZLOOM_LIBEXEC_DIR}"
                             ZLOOM_HELPERS_PLACE="${ZLOOM_HELPERS_DIR}")
endforeach ()

# ---- the library ---------------------------------------------------------------------------------

# All layers in one object. What others see of it is what zloom.h declares: the linker's version
# script is made of its functions, and everything else is local.
set (zloom_header "${CMAKE_SOURCE_DIR}/lib/zloom.h")
set_property (DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${zloom_header}")
file (STRINGS "${zloom_header}" zloom_functions REGEX "^[a-z].*[ *]zloom_[a-z_]+ \\(")
list (TRANSFORM zloom_functions REPLACE "^.*[ *](zloom_[a-z_]+) \\(.*$" "        \\1")
list (JOIN zloom_functions "$<SEMICOLON>\n" zloom_functions)
set (zloom_map "${CMAKE_BINARY_DIR}/libzloom.map")
file (GENERATE OUTPUT "${zloom_map}"
      CONTENT "ZLOOM_${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} {\n    global:\n\
${zloom_functions}$<SEMICOLON>\n    local:\n        *$<SEMICOLON>\n}$<SEMICOLON>\n")
set (zloom_layers base wire recipe journal common queue bus registry peer engine net io client
                  launch node router worker sink poller forwarder embed)
set (zloom_objects)
foreach (layer IN LISTS zloom_layers)
    get_target_property (type zloom_${layer} TYPE)
    if (NOT type STREQUAL "INTERFACE_LIBRARY")
        list (APPEND zloom_objects $<TARGET_OBJECTS:zloom_${layer}>)
    endif ()
endforeach ()
add_library (libzloom SHARED ${zloom_objects})
target_link_libraries (libzloom PRIVATE PkgConfig::LIBZMQ PkgConfig::LIBCZMQ PkgConfig::LIBFYAML
                                        PkgConfig::JANSSON PkgConfig::MSGPACK Threads::Threads)
target_link_options (libzloom PRIVATE -Wl,--as-needed "-Wl,--version-script=${zloom_map}")
if (NOT ZLOOM_SANITIZE)
    target_link_options (libzloom PRIVATE -Wl,-z,defs)
endif ()
# Until 1.0.0 a minor version may change what programs were built with.
set_target_properties (
  libzloom PROPERTIES
  OUTPUT_NAME zloom
  EXPORT_NAME zloom
  LINKER_LANGUAGE C
  LINK_DEPENDS "${zloom_map}"
  VERSION "${PROJECT_VERSION}"
  SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}"
  LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
target_include_directories (
  libzloom INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# ---- files ---------------------------------------------------------------------------------------

install (TARGETS zloom DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT zloom)
install (TARGETS zloom-spawn zloom-sh DESTINATION "${ZLOOM_LIBEXEC_DIR}" COMPONENT zloom)
if (ZLOOM_JQ)
    install (TARGETS zloom-jq DESTINATION "${ZLOOM_LIBEXEC_DIR}" COMPONENT jq)
endif ()
install (TARGETS libzloom EXPORT zloom
         LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
                 COMPONENT zloom NAMELINK_COMPONENT dev)
install (FILES "${CMAKE_SOURCE_DIR}/lib/zloom.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
         COMPONENT dev)

file (GLOB helpers CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/nodes/worker/helpers/*")
list (FILTER helpers EXCLUDE REGEX "/__pycache__$")
install (FILES ${helpers} DESTINATION "${ZLOOM_HELPERS_DIR}" COMPONENT zloom)

file (GLOB man_pages CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/docs/man/*.1")
if (man_pages)
    install (FILES ${man_pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT zloom)
endif ()

# zloom.bash, _zloom or zloom.zsh, zloom.fish: each shell looks in a place, and for a name, of its
# own.
function (zloom_completion pattern folder name)
    file (GLOB found CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/nodes/zloom/completions/${pattern}")
    foreach (file IN LISTS found)
        install (FILES "${file}" DESTINATION "${CMAKE_INSTALL_DATADIR}/${folder}"
                 RENAME "${name}" COMPONENT zloom)
    endforeach ()
endfunction ()
zloom_completion (zloom.bash bash-completion/completions zloom)
zloom_completion (_zloom zsh/site-functions _zloom)
zloom_completion (zloom.zsh zsh/site-functions _zloom)
zloom_completion (zloom.fish fish/vendor_completions.d zloom.fish)

set (systemd "${CMAKE_SOURCE_DIR}/deploy/systemd")
install (FILES "${systemd}/zloom-node@.service" DESTINATION lib/systemd/system COMPONENT zloom)
install (FILES "${systemd}/zloom.sysusers" DESTINATION lib/sysusers.d RENAME zloom.conf
         COMPONENT zloom)
install (FILES "${CMAKE_SOURCE_DIR}/README.md" "${CMAKE_SOURCE_DIR}/CHANGELOG.md"
         DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT zloom)

# ---- for those who build on it -------------------------------------------------------------------

# Found from where the file itself lies, so that an installed tree may be moved.
cmake_path (RELATIVE_PATH CMAKE_INSTALL_PREFIX
            BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" OUTPUT_VARIABLE ZLOOM_PC_PREFIX)
configure_file ("${CMAKE_SOURCE_DIR}/cmake/zloom.pc.in" "${CMAKE_BINARY_DIR}/zloom.pc" @ONLY)
install (FILES "${CMAKE_BINARY_DIR}/zloom.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
         COMPONENT dev)

set (package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/zloom")
configure_package_config_file ("${CMAKE_SOURCE_DIR}/cmake/zloom-config.cmake.in"
                               "${CMAKE_BINARY_DIR}/zloom-config.cmake"
                               INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file ("${CMAKE_BINARY_DIR}/zloom-config-version.cmake"
                                  COMPATIBILITY SameMinorVersion)
install (EXPORT zloom NAMESPACE zloom:: FILE zloom-targets.cmake DESTINATION "${package_dir}"
         COMPONENT dev)
install (FILES "${CMAKE_BINARY_DIR}/zloom-config.cmake"
               "${CMAKE_BINARY_DIR}/zloom-config-version.cmake"
         DESTINATION "${package_dir}" COMPONENT dev)

# ---- Debian packages: cpack -G DEB in the build folder -------------------------------------------

set (CPACK_GENERATOR DEB)
set (CPACK_PACKAGE_NAME zloom)
set (CPACK_PACKAGE_VENDOR zloom)
set (CPACK_PACKAGE_CONTACT "zloom maintainers <zloom@localhost>")
set (CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set (CPACK_PACKAGING_INSTALL_PREFIX /usr)
set (CPACK_COMPONENTS_ALL zloom dev)
if (ZLOOM_JQ)
    list (APPEND CPACK_COMPONENTS_ALL jq)
endif ()
set (CPACK_STRIP_FILES ON)
set (CPACK_DEB_COMPONENT_INSTALL ON)
set (CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set (CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set (CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set (CPACK_DEBIAN_ZLOOM_PACKAGE_NAME zloom)
set (CPACK_DEBIAN_ZLOOM_PACKAGE_SECTION net)
set (CPACK_DEBIAN_ZLOOM_PACKAGE_SUGGESTS "python3, nodejs, zloom-jq")
set (CPACK_DEBIAN_ZLOOM_DESCRIPTION
     "command line, library and helpers of zloom\n Recipes of nodes and durable flows on ZeroMQ.")
# What needs libjq is a package of its own: zloom without it needs none.
set (CPACK_DEBIAN_JQ_PACKAGE_NAME zloom-jq)
set (CPACK_DEBIAN_JQ_PACKAGE_SECTION net)
set (CPACK_DEBIAN_JQ_PACKAGE_DEPENDS "zloom (= ${PROJECT_VERSION})")
set (CPACK_DEBIAN_JQ_DESCRIPTION
     "workers of zloom that are expressions of jq\n The module for workers with `jq:`.")
set (CPACK_DEBIAN_DEV_PACKAGE_NAME libzloom-dev)
set (CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set (CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "zloom (= ${PROJECT_VERSION})")
set (CPACK_DEBIAN_DEV_DESCRIPTION
     "header, pkg-config file and CMake package of libzloom\n For programs that embed zloom.")
include (CPack)
