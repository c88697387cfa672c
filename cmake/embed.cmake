# SPDX-License-Identifier: MPL-2.0
# zloom_embed (OUTPUT HEADER ARRAY files...): a C file with `const zloom_template_t ARRAY[]`, one
# {name, text} a file, ended by NULLs. It is written anew when a file changes.
function (zloom_embed output header array)
    set (text "/* Written by cmake/embed.cmake. */\n#include \"${header}\"\n\n")
    string (APPEND text "const zloom_template_t ${array}[] = {\n")
    foreach (file IN LISTS ARGN)
        set_property (DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
        get_filename_component (name "${file}" NAME)
        string (REGEX REPLACE "\\.in$" "" name "${name}") # no source of ours
        file (READ "${file}" content)
        string (REPLACE "\\" "\\\\" content "${content}")
        string (REPLACE "\"" "\\\"" content "${content}")
        string (REPLACE "\n" "\\n\"\n    \"" content "${content}")
        string (APPEND text "  {\"${name}\",\n    \"${content}\"},\n")
    endforeach ()
    string (APPEND text "  {0, 0}};\n")
    set (old "")
    if (EXISTS "${output}")
        file (READ "${output}" old)
    endif ()
    if (NOT old STREQUAL text) # what has not changed is not compiled again
        file (WRITE "${output}" "${text}")
    endif ()
endfunction ()
