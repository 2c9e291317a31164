# How a library of the compiler is declared, and what it is compiled with.
separate_arguments(LATHE_LLVM_DEFINITIONS NATIVE_COMMAND ${LLVM_DEFINITIONS})
function(lathe_llvm_settings target)
  target_compile_options(${target} PRIVATE -fno-rtti -fno-exceptions)
  target_compile_definitions(${target} PRIVATE ${LATHE_LLVM_DEFINITIONS})
  target_include_directories(${target} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
endfunction()

# MLIR's commonest headers and dialect xf, for all who work on IR.
lathe_precompile(lathe_pch ${PROJECT_SOURCE_DIR}/ir/Precompiled.h)
lathe_llvm_settings(lathe_pch)
add_dependencies(lathe_pch LatheXfIncGen)
# LLVM's support and JSON, for those who read and write files.
lathe_precompile(lathe_files_pch ${PROJECT_SOURCE_DIR}/compiler/import/Precompiled.h)
lathe_llvm_settings(lathe_files_pch)
target_compile_options(lathe_files_pch PRIVATE ${LATHE_O1})

# lathe_library(NAME sources... LINK libraries... DEPENDS targets... [FILES | NO_PCH])
# A library that may use LLVM and MLIR: no RTTI, no exceptions, as those are built. FILES: it knows no IR, and
# reads and writes so much that it is optimised in every build.
function(lathe_library name)
  cmake_parse_arguments(ARG "FILES;NO_PCH" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  lathe_llvm_settings(${name})
  if(ARG_FILES)
    lathe_use_precompiled(${name} lathe_files_pch)
    target_compile_options(${name} PRIVATE ${LATHE_O1})
  elseif(NOT ARG_NO_PCH)
    lathe_use_precompiled(${name} lathe_pch)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# The shared libraries of Debian's packages; the rpath must hold LLVM's folder.
set(LATHE_LLVM_LIBS MLIR LLVM)
link_directories(${LLVM_LIBRARY_DIRS})
set(CMAKE_BUILD_RPATH ${LLVM_LIBRARY_DIRS} ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib;${LLVM_LIBRARY_DIRS}")
# Where mlir-tblgen looks.
include_directories(${PROJECT_SOURCE_DIR})
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
