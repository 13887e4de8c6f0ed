# Everything above the bounds: samples, the falsifier, the certificate with the signing room in a library of its own (no other part of the program
# sees a key), the public library lipcert::lipcert (certify/lipcert.hpp), and the command line, which uses nothing but that.
add_library(lipcert_signing STATIC certificate/key_file.cpp certificate/keys.cpp certificate/sign.cpp)
target_link_libraries(lipcert_signing PRIVATE $<BUILD_INTERFACE:lipcert_options> PUBLIC lipcert_formats OpenSSL::Crypto)
target_include_directories(lipcert_signing PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)

add_library(lipcert_samples STATIC samples/radius_rule.cpp samples/records_file.cpp samples/sample_claim.cpp samples/samples.cpp)
target_link_libraries(lipcert_samples PRIVATE $<BUILD_INTERFACE:lipcert_options> fmt::fmt PUBLIC lipcert_analysis lipcert_data lipcert_formats nlohmann_json::nlohmann_json)

# The falsifier shares no code with the bounds but the plain column of the activations' table; what holds it against a certificate lies in a library
# of its own.
add_library(lipcert_attack STATIC attack/plain_compiler.cpp attack/plain_constants.cpp attack/plain_entrywise.cpp attack/plain_function.cpp
  attack/plain_network.cpp attack/plain_products.cpp attack/plain_selections.cpp attack/search.cpp)
target_link_libraries(lipcert_attack PRIVATE $<BUILD_INTERFACE:lipcert_options> lipcert_analysis PkgConfig::OPENBLAS PUBLIC lipcert_formats Threads::Threads)
add_library(lipcert_attack_samples STATIC attack/attack_samples.cpp attack/certified.cpp)
target_link_libraries(lipcert_attack_samples PRIVATE $<BUILD_INTERFACE:lipcert_options> PUBLIC lipcert_attack lipcert_samples)

add_library(lipcert_statement STATIC certificate/build_info.cpp certificate/certify.cpp certificate/merge.cpp certificate/shard.cpp certificate/statement.cpp)
set_source_files_properties(certificate/build_info.cpp PROPERTIES
  COMPILE_DEFINITIONS "LIPCERT_VERSION=\"${PROJECT_VERSION}\";LIPCERT_COMMIT=\"${LIPCERT_COMMIT}\"")
target_link_libraries(lipcert_statement PRIVATE $<BUILD_INTERFACE:lipcert_options> fmt::fmt protobuf::libprotobuf-lite OpenSSL::Crypto PkgConfig::MPFR PkgConfig::OPENBLAS
  PUBLIC lipcert_samples lipcert_analysis lipcert_formats nlohmann_json::nlohmann_json)

find_package(ZLIB REQUIRED)
# What people read: pages and comparisons. Nothing in it can change what is claimed.
add_library(lipcert_report STATIC report/argument.cpp report/attack_result.cpp report/bom.cpp report/certificate_view.cpp report/chart.cpp report/compare.cpp
  report/compare_page.cpp report/compare_text.cpp report/facts.cpp report/markup.cpp report/pictures.cpp report/plain_text.cpp report/png.cpp report/report.cpp
  report/section_blocks.cpp report/section_gallery.cpp report/section_papers.cpp report/section_samples.cpp report/section_verdict.cpp report/style.cpp
  report/theorems.cpp)
target_link_libraries(lipcert_report PRIVATE $<BUILD_INTERFACE:lipcert_options> fmt::fmt ZLIB::ZLIB PUBLIC lipcert_statement lipcert_samples lipcert_data lipcert_formats)

add_library(lipcert_renewal STATIC renewal/differences.cpp renewal/evidence_file.cpp renewal/manifest.cpp renewal/models_found.cpp renewal/old_certificate.cpp renewal/reasons.cpp)
target_link_libraries(lipcert_renewal PRIVATE $<BUILD_INTERFACE:lipcert_options> PUBLIC lipcert_report lipcert_statement lipcert_signing)

add_library(lipcert_library INTERFACE)
target_link_libraries(lipcert_library INTERFACE lipcert_renewal lipcert_report lipcert_statement lipcert_signing lipcert_attack_samples lipcert_samples lipcert_analysis lipcert_data lipcert_formats)
target_compile_features(lipcert_library INTERFACE cxx_std_20)
add_library(lipcert::lipcert ALIAS lipcert_library)

add_executable(lipcert commands/main.cpp commands/checker_process.cpp commands/command_attack.cpp commands/command_certify.cpp commands/command_init.cpp commands/command_inspect.cpp
  commands/command_keygen.cpp commands/command_renew.cpp commands/command_renew_manifest.cpp commands/command_report.cpp commands/command_samples.cpp commands/model_options.cpp
  commands/progress.cpp commands/publish.cpp commands/recheck.cpp commands/sample_options.cpp commands/text.cpp)
target_link_libraries(lipcert PRIVATE lipcert_options lipcert::lipcert fmt::fmt CLI11::CLI11)
