/**
 * Scheduled retraining: which data is new, a round of training on it, and whether its student goes
 * into production.
 */
package io.sparkhawk.driver.retrain;
