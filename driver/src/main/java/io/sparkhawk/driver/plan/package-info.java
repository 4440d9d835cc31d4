/**
 * What a run will need and cost, from its configuration and the sizes of its teacher alone:
 * parameters, memory, time, traffic, storage and price. No cluster and no libtorch are asked.
 * docs/planning.md has the formulas.
 */
package io.sparkhawk.driver.plan;
