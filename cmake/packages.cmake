# Debian packages (`cpack -G DEB` in a release tree), the pages that go with the programs, and the checker as one static file.
#
# One component of the installation is one package, under the same name. Manual pages and completions are made from the programs' own --help
# (cmake/packages/make_pages.py). What links is left to dpkg-shlibdeps; here stand only the relations that it cannot see.

set(LIPCERT_PACKAGING ${CMAKE_CURRENT_LIST_DIR}/packages)
set(LIPCERT_DOC_DIR ${CMAKE_INSTALL_DATAROOTDIR}/doc)
set(LIPCERT_PYTHON_DIR lib/python3/dist-packages CACHE STRING "Where the Python module is installed, below the prefix")

# The date of pages and packages: that of the commit, so that the same sources give the same bytes.
set(LIPCERT_EPOCH "$ENV{SOURCE_DATE_EPOCH}")
if(NOT LIPCERT_EPOCH MATCHES "^[0-9]+$" AND Git_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} log -1 --format=%ct WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE LIPCERT_EPOCH OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT LIPCERT_EPOCH MATCHES "^[0-9]+$")
  set(LIPCERT_EPOCH 0)
endif()

# ---- the checker as one static file, for images that hold nothing else ----
# The same archives as in lipverify, with a start of its own that keeps OpenSSL from reading a configuration, and so from loading modules.
find_library(LIPVERIFY_LIBCRYPTO NAMES libcrypto.a)
find_library(LIPVERIFY_LIBZ NAMES libz.a)
if(LIPVERIFY_LIBCRYPTO AND LIPVERIFY_LIBZ AND NOT LIPCERT_SANITIZE)
  set(LIPVERIFY_STATIC_DEFAULT ON)
else()
  set(LIPVERIFY_STATIC_DEFAULT OFF)
endif()
option(LIPVERIFY_STATIC "Link the checker once more, as one static file (needs libcrypto.a and libz.a)" ${LIPVERIFY_STATIC_DEFAULT})
if(LIPVERIFY_STATIC)
  get_target_property(linked lipverify LINK_LIBRARIES)
  lipcert_own_libraries(own ${linked})
  list(TRANSFORM own REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
  add_executable(lipverify-static verifier/program/main_static.cpp)
  target_include_directories(lipverify-static PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_features(lipverify-static PRIVATE cxx_std_20)
  # -no-pie: nothing relocates itself before main. The archives are the members of one group, because OpenSSL's and ours need each other's order.
  target_link_options(lipverify-static PRIVATE -static -no-pie -s)
  target_link_libraries(lipverify-static PRIVATE lipcert_options "-Wl,--start-group" ${archives} ${LIPVERIFY_LIBCRYPTO} ${LIPVERIFY_LIBZ} "-Wl,--end-group")
  add_dependencies(lipverify-static lipverify)
endif()

# ---- manual pages, completions ----
find_program(LIPCERT_PYTHON3 NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
set(LIPCERT_PROGRAMS lipcert lipverify)
foreach(program IN ITEMS liptrain lipproof)
  if(TARGET ${program})
    list(APPEND LIPCERT_PROGRAMS ${program})
  endif()
endforeach()
set(pages ${CMAKE_BINARY_DIR}/pages)
if(LIPCERT_PYTHON3 AND NOT LIPCERT_SANITIZE)
  set(named "")
  foreach(program IN LISTS LIPCERT_PROGRAMS)
    list(APPEND named ${program}=$<TARGET_FILE:${program}>)
  endforeach()
  add_custom_command(OUTPUT ${pages}/made
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${pages}
    COMMAND ${LIPCERT_PYTHON3} -B ${LIPCERT_PACKAGING}/make_pages.py ${pages} ${PROJECT_VERSION} ${LIPCERT_EPOCH} ${named}
    COMMAND ${CMAKE_COMMAND} -E touch ${pages}/made
    DEPENDS ${LIPCERT_PROGRAMS} ${LIPCERT_PACKAGING}/make_pages.py ${LIPCERT_PACKAGING}/help_text.py
    COMMENT "Manual pages and completions from --help" VERBATIM)
  add_custom_target(pages ALL DEPENDS ${pages}/made)
  foreach(program IN LISTS LIPCERT_PROGRAMS)
    install(DIRECTORY ${pages}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT ${program} FILES_MATCHING PATTERN "${program}.1.gz" PATTERN "${program}-*.1.gz")
    install(FILES ${pages}/${program}.bash DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions RENAME ${program} COMPONENT ${program})
    install(FILES ${pages}/_${program} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/zsh/vendor-completions COMPONENT ${program})
  endforeach()
endif()

# ---- the Python module ----
# torch_layers.py is a link to the export example in the sources, and a file where it is installed.
install(DIRECTORY certify/python/lipcert DESTINATION ${LIPCERT_PYTHON_DIR} COMPONENT python3-lipcert
  FILES_MATCHING PATTERN "*.py" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE PATTERN "torch_layers.py" EXCLUDE)
install(FILES examples/pytorch/export.py DESTINATION ${LIPCERT_PYTHON_DIR}/lipcert RENAME torch_layers.py COMPONENT python3-lipcert)
install(FILES examples/python/notebook.py DESTINATION ${LIPCERT_DOC_DIR}/python3-lipcert/examples COMPONENT python3-lipcert)

# ---- examples: an auditor's package has models and a certificate to try; that of the generator, which needs the checker, points there ----
install(DIRECTORY examples/models DESTINATION ${LIPCERT_DOC_DIR}/lipverify/examples COMPONENT lipverify PATTERN "*.py" EXCLUDE PATTERN "__pycache__" EXCLUDE)
install(FILES examples/pytorch-and-keras.md DESTINATION ${LIPCERT_DOC_DIR}/lipcert/examples COMPONENT lipcert)
install(DIRECTORY examples/pytorch examples/scale-out DESTINATION ${LIPCERT_DOC_DIR}/lipcert/examples COMPONENT lipcert PATTERN "__pycache__" EXCLUDE)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/packaging)
file(CREATE_LINK ../../lipverify/examples/models ${CMAKE_BINARY_DIR}/packaging/models SYMBOLIC)
install(FILES ${CMAKE_BINARY_DIR}/packaging/models DESTINATION ${LIPCERT_DOC_DIR}/lipcert/examples COMPONENT lipcert)
install(DIRECTORY examples/library DESTINATION ${LIPCERT_DOC_DIR}/lipcert-dev/examples COMPONENT lipcert-dev)
if(TARGET liptrain)
  install(FILES examples/trainer/digits.json examples/trainer/README.md DESTINATION ${LIPCERT_DOC_DIR}/liptrain/examples COMPONENT liptrain)
endif()
if(TARGET lipproof)
  install(TARGETS lipproof RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT lipproof)
  install(PROGRAMS ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/lipproof-check DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT lipproof)
  # CMake strips what it has linked itself, and this came from the OCaml compiler.
  install(CODE "if(CMAKE_INSTALL_DO_STRIP)
    execute_process(COMMAND ${CMAKE_STRIP} \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/lipproof-check\" COMMAND_ERROR_IS_FATAL ANY)
  endif()" COMPONENT lipproof)
  install(FILES proofs/README.md proofs/FORMAT.md DESTINATION ${LIPCERT_DOC_DIR}/lipproof COMPONENT lipproof)
endif()

# ---- the packages ----
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lipcert)
set(CPACK_PACKAGE_VENDOR lipcert)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
# CMake's own default, on purpose: any other summary is put in front of each package's synopsis.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_NAME} built using CMake")
set(CPACK_PACKAGE_HOMEPAGE_URL "https://lipcert.github.io")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The lipcert authors <authors@lipcert.github.io>")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(same "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")

execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C date -u -R -d @${LIPCERT_EPOCH} OUTPUT_VARIABLE LIPCERT_RFC_DATE OUTPUT_STRIP_TRAILING_WHITESPACE)
configure_file(${LIPCERT_PACKAGING}/changelog.in ${CMAKE_BINARY_DIR}/packaging/changelog.Debian @ONLY)
configure_file(${LIPCERT_PACKAGING}/copyright.in ${CMAKE_BINARY_DIR}/packaging/copyright @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_BINARY_DIR}/packaging/changelog COPYONLY)
execute_process(COMMAND gzip -9nkf ${CMAKE_BINARY_DIR}/packaging/changelog.Debian ${CMAKE_BINARY_DIR}/packaging/changelog COMMAND_ERROR_IS_FATAL ANY)

# lipcert_package(<component> SECTION <s> SUMMARY <line> TEXT <paragraph> [DEPENDS <d>] [RECOMMENDS <r>] [SUGGESTS <s>] [ALL_ARCHITECTURES])
function(lipcert_package component)
  cmake_parse_arguments(P "ALL_ARCHITECTURES" "SECTION;SUMMARY;TEXT;DEPENDS;RECOMMENDS;SUGGESTS" "" ${ARGN})
  string(TOUPPER ${component} upper)
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} ${component} PARENT_SCOPE)
  # The first line is Debian's synopsis, the rest its extended description, in lines of some 70 characters (CMake's expressions cannot count).
  string(REGEX REPLACE "(................................................................[^ ]*) " "\\1\n" text "${P_TEXT}")
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${P_SUMMARY}\n${text}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${component} PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${P_SECTION} PARENT_SCOPE)
  foreach(relation IN ITEMS DEPENDS RECOMMENDS SUGGESTS)
    set(CPACK_DEBIAN_${upper}_PACKAGE_${relation} "${P_${relation}}" PARENT_SCOPE)
  endforeach()
  if(P_ALL_ARCHITECTURES)
    set(CPACK_DEBIAN_${upper}_PACKAGE_ARCHITECTURE all PARENT_SCOPE)
  endif()
  install(FILES ${CMAKE_BINARY_DIR}/packaging/copyright ${CMAKE_BINARY_DIR}/packaging/changelog.Debian.gz ${CMAKE_BINARY_DIR}/packaging/changelog.gz
    DESTINATION ${LIPCERT_DOC_DIR}/${component} COMPONENT ${component})
endfunction()

lipcert_package(lipverify SECTION science SUMMARY "independent checker of Lipschitz certificates of neural networks"
  TEXT "lipverify rechecks signature, digests and mathematics of a certificate with a model reader of its own and integer arithmetic, and answers accepted or rejected. It needs no linear algebra library, no protobuf and no Python. Models, data and a certificate to try lie in the examples.")
lipcert_package(lipcert SECTION science DEPENDS "lipverify ${same}" SUMMARY "rigorous Lipschitz certificates for neural networks"
  TEXT "lipcert reads an ONNX network, proves upper and lower ends of its Lipschitz constant, bounds for all differences of two outputs and radii of samples, and signs the result. What it writes is rechecked by lipverify first.")
lipcert_package(lipcert-dev SECTION libdevel SUMMARY "libraries and headers of lipcert and lipverify"
  DEPENDS "libssl-dev, zlib1g-dev, libboost-dev, nlohmann-json3-dev (>= 3.11), libfmt-dev (>= 9), libprotobuf-dev, libpng-dev, libmpfr-dev, libgmp-dev, libopenblas-dev, pkg-config"
  TEXT "Static libraries with their public headers, found by CMake with find_package(lipcert): bytes to a certificate, and bytes to a verdict. With COMPONENTS lipverify the checker alone is used, which needs neither a linear algebra library nor protobuf.")
lipcert_package(python3-lipcert ALL_ARCHITECTURES SECTION python DEPENDS "python3 (>= 3.11), lipcert (>= ${PROJECT_VERSION})" SUGGESTS "python3-torch" SUMMARY "Lipschitz certificates of neural networks from Python"
  TEXT "certify, verify, inspect, attack and keygen as functions over the programs lipcert and lipverify: results as frozen dataclasses with exact numbers, errors as exceptions with the program's sentence. Plain Python without further dependencies. Modules of torch are exported where it is installed.")
set(CPACK_DEBIAN_PYTHON3-LIPCERT_PACKAGE_CONTROL_EXTRA "${LIPCERT_PACKAGING}/postinst;${LIPCERT_PACKAGING}/prerm")
if(TARGET liptrain)
  lipcert_package(liptrain SECTION science RECOMMENDS "lipcert" SUMMARY "trainer of 1-Lipschitz neural networks"
    TEXT "liptrain trains classifiers with the hinge-Kantorovich-Rubinstein loss whose layers have norm at most 1, and writes ONNX files that lipcert certifies.")
endif()
if(TARGET lipproof)
  lipcert_package(lipproof SECTION science RECOMMENDS "lipverify" SUMMARY "proved checker of Lipschitz certificates of neural networks"
    TEXT "lipproof rechecks the mathematics of a certificate with a checker that was extracted from a Coq proof of its correctness. It says nothing about signatures: that is the work of lipverify.")
endif()
include(CPack)
