/**
 * The YAML file of a run, read into records with all of its problems reported at once; defaults and
 * meanings are declared beside each record component.
 */
package io.sparkhawk.driver.config;
