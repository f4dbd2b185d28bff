#include "abi.h"
const struct abi xen_2_0;
