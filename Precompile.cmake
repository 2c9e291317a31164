# How far what goes over data is optimised where the rest is not; a release optimises everything further.
set(LATHE_O1 $<$<NOT:$<CONFIG:Release>>:-O1>)
set(LATHE_O2 $<$<NOT:$<CONFIG:Release>>:-O2>)

# lathe_precompile(NAME header): a target that other targets, of equal settings, have their precompiled header from.
file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "")
function(lathe_precompile name header)
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/pch.cpp)
  target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp" -fpch-instantiate-templates)
  target_precompile_headers(${name} PRIVATE ${header})
endfunction()
# Programs are compiled as libraries are (-fPIC, not -fPIE): clang takes a header for one of them only.
function(lathe_use_precompiled target from)
  target_compile_options(${target} PRIVATE -fPIC "SHELL:-Xclang -fno-pch-timestamp" -fpch-instantiate-templates)
  target_precompile_headers(${target} REUSE_FROM ${from})
endfunction()

# lathe_optimise(files...): files of the calling folder that go over weights, activations or texts are fast in every build;
# the others, most of the code, are built fast.
function(lathe_optimise)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS ${LATHE_O2} SKIP_PRECOMPILE_HEADERS ON)
endfunction()
