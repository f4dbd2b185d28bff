#include "abi.h"
const struct abi xen_1_2;
