// The format of data that this target reads.
#include "tests/fuzz/data.hpp"

const lipcert::DataFormat fuzz::data_format = lipcert::DataFormat::npy;
