# The command line, and the signing room in a library of its own: no other part of the program sees a key.
add_library(lipcert_signing STATIC keys.cpp sign.cpp)
target_link_libraries(lipcert_signing PRIVATE lipcert_options PUBLIC lipcert_formats OpenSSL::Crypto)
target_include_directories(lipcert_signing PUBLIC ${CMAKE_SOURCE_DIR})

add_library(lipcert_statement STATIC statement.cpp)
target_link_libraries(lipcert_statement PRIVATE lipcert_options PUBLIC lipcert_analysis lipcert_formats nlohmann_json::nlohmann_json)

add_executable(lipcert main.cpp command_inspect.cpp command_keygen.cpp command_certify.cpp build_info.cpp loaded_model.cpp progress.cpp)
set_source_files_properties(build_info.cpp PROPERTIES
  COMPILE_DEFINITIONS "LIPCERT_VERSION=\"${PROJECT_VERSION}\";LIPCERT_COMMIT=\"${LIPCERT_COMMIT}\"")
target_link_libraries(lipcert PRIVATE lipcert_options lipcert_statement lipcert_signing lipcert_analysis lipcert_formats fmt::fmt CLI11::CLI11
  protobuf::libprotobuf-lite PkgConfig::MPFR PkgConfig::OPENBLAS)
