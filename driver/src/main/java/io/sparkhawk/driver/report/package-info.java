/**
 * What explains a finished run to people: the report page with its charts and tables, and the card
 * that goes with the student.
 */
package io.sparkhawk.driver.report;
