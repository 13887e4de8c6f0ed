// See block.hpp.

#include "certify/graph/block.hpp"

namespace lipcert {

const char* name_of(BlockOperator op) {
  switch (op) {
    case BlockOperator::isometry:
      return "isometry";
    case BlockOperator::scale:
      return "scale";
    case BlockOperator::dense:
      return "dense";
    case BlockOperator::linear:
      return "linear";
    case BlockOperator::convolution:
      return "convolution";
    case BlockOperator::activation:
      return "activation";
    case BlockOperator::softmax:
      return "softmax";
    case BlockOperator::pool_max:
      return "pool-max";
    case BlockOperator::pool_l2:
      return "pool-l2";
    case BlockOperator::sort:
      return "sort";
    case BlockOperator::split:
      return "split";
    case BlockOperator::sll:
      return "sll";
    case BlockOperator::add:
      return "add";
    case BlockOperator::concat:
      return "concat";
    case BlockOperator::max_min:
      return "max-min";
  }
  return "";
}

}  // namespace lipcert
