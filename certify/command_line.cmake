# The command line, and the signing room in a library of its own: no other part of the program sees a key.
add_library(lipcert_signing STATIC keys.cpp sign.cpp)
target_link_libraries(lipcert_signing PRIVATE lipcert_options PUBLIC lipcert_formats OpenSSL::Crypto)
target_include_directories(lipcert_signing PUBLIC ${CMAKE_SOURCE_DIR})

add_library(lipcert_samples STATIC records_file.cpp sample_claim.cpp samples.cpp shard.cpp)
target_link_libraries(lipcert_samples PRIVATE lipcert_options fmt::fmt PUBLIC lipcert_analysis lipcert_data lipcert_formats nlohmann_json::nlohmann_json)

# The falsifier shares no code with the bounds.
add_library(lipcert_attack STATIC attack/plain_network.cpp attack/search.cpp)
target_link_libraries(lipcert_attack PRIVATE lipcert_options PkgConfig::OPENBLAS PUBLIC lipcert_formats Threads::Threads)

add_library(lipcert_statement STATIC statement.cpp)
target_link_libraries(lipcert_statement PRIVATE lipcert_options PUBLIC lipcert_samples lipcert_analysis lipcert_formats nlohmann_json::nlohmann_json)

add_executable(lipcert main.cpp command_inspect.cpp command_keygen.cpp command_certify.cpp command_samples.cpp
  sample_options.cpp attack/certified.cpp attack/command_attack.cpp build_info.cpp loaded_model.cpp progress.cpp)
set_source_files_properties(build_info.cpp PROPERTIES
  COMPILE_DEFINITIONS "LIPCERT_VERSION=\"${PROJECT_VERSION}\";LIPCERT_COMMIT=\"${LIPCERT_COMMIT}\"")
target_link_libraries(lipcert PRIVATE lipcert_options lipcert_statement lipcert_samples lipcert_attack lipcert_signing lipcert_analysis lipcert_formats fmt::fmt CLI11::CLI11
  protobuf::libprotobuf-lite PkgConfig::MPFR PkgConfig::OPENBLAS)
