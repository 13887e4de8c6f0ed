# The command line, and the signing room in a library of its own: no other part of the program sees a key.
add_library(lipcert_signing STATIC certificate/keys.cpp certificate/sign.cpp)
target_link_libraries(lipcert_signing PRIVATE lipcert_options PUBLIC lipcert_formats OpenSSL::Crypto)
target_include_directories(lipcert_signing PUBLIC ${CMAKE_SOURCE_DIR})

add_library(lipcert_samples STATIC samples/records_file.cpp samples/sample_claim.cpp samples/samples.cpp certificate/shard.cpp)
target_link_libraries(lipcert_samples PRIVATE lipcert_options fmt::fmt PUBLIC lipcert_analysis lipcert_data lipcert_formats nlohmann_json::nlohmann_json)

# The falsifier shares no code with the bounds: of lipcert_analysis it uses the plain functions of activations, nothing else.
add_library(lipcert_attack STATIC attack/plain_compiler.cpp attack/plain_constants.cpp attack/plain_entrywise.cpp attack/plain_function.cpp
  attack/plain_network.cpp attack/plain_products.cpp attack/plain_selections.cpp attack/search.cpp)
target_link_libraries(lipcert_attack PRIVATE lipcert_options lipcert_analysis PkgConfig::OPENBLAS PUBLIC lipcert_formats Threads::Threads)

add_library(lipcert_statement STATIC certificate/statement.cpp)
target_link_libraries(lipcert_statement PRIVATE lipcert_options PUBLIC lipcert_samples lipcert_analysis lipcert_formats nlohmann_json::nlohmann_json)

add_executable(lipcert commands/main.cpp commands/command_inspect.cpp commands/command_keygen.cpp commands/command_certify.cpp commands/command_samples.cpp
  samples/sample_options.cpp attack/certified.cpp commands/command_attack.cpp certificate/build_info.cpp commands/loaded_model.cpp commands/progress.cpp)
set_source_files_properties(certificate/build_info.cpp PROPERTIES
  COMPILE_DEFINITIONS "LIPCERT_VERSION=\"${PROJECT_VERSION}\";LIPCERT_COMMIT=\"${LIPCERT_COMMIT}\"")
target_link_libraries(lipcert PRIVATE lipcert_options lipcert_statement lipcert_samples lipcert_attack lipcert_signing lipcert_analysis lipcert_formats fmt::fmt CLI11::CLI11
  protobuf::libprotobuf-lite PkgConfig::MPFR PkgConfig::OPENBLAS)
