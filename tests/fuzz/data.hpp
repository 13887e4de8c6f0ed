// What the targets of data differ in.
#pragma once

#include "formats/data/data_set.hpp"

namespace fuzz {
extern const lipcert::DataFormat data_format;
}
