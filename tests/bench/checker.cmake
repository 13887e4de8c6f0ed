# The checker against one DGEMM of the same size (see checker_bench.cpp).
add_executable(checker_bench ${CMAKE_CURRENT_LIST_DIR}/checker_bench.cpp)
target_link_libraries(checker_bench PRIVATE lipcert_options lipverify_core lipcert_analysis PkgConfig::OPENBLAS)
