/** How a component declares its settings: records whose components carry {@link Setting}. */
package io.sparkhawk.data.setting;
