/** The page that explains a finished run to a person: its charts, tables and how to read them. */
package io.sparkhawk.driver.report;
