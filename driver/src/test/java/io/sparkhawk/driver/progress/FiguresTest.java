package io.sparkhawk.driver.progress;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FiguresTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 | 0",
        "999 | 999",
        "999.6 | 1.00K",
        "63488 | 63.5K",
        "543000 | 543K",
        "999950 | 1.00M",
        "2760000000 | 2.76B",
        "NaN | n/a"
      })
  void shortCountsHaveThreeDigits(double number, String text) {
    assertThat(Figures.shortCount(number)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "22.6 | 22.60",
        "6.9074 | 6.907",
        "1386.2 | 1,386",
        "0.5 | 0.5000",
        "0.0001234 | 1.23e-4",
        "0 | 0.000",
        "NaN | n/a",
        "Infinity | n/a"
      })
  void measuresHaveFourDigits(double number, String text) {
    assertThat(Figures.measure(number)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0.84 | 0.8 s",
        "42.4 | 42 s",
        "59.7 | 1 min 00 s",
        "521 | 8 min 41 s",
        "7500 | 2 h 05 min",
        "266400 | 3 d 2 h",
        "NaN | n/a"
      })
  void durationsNameTheirTwoLargestUnits(double seconds, String text) {
    assertThat(Figures.duration(seconds)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"0 | 0:00", "41.2 | 0:42", "3723 | 1:02:03", "NaN | n/a"})
  void clocksRoundUp(double seconds, String text) {
    assertThat(Figures.clock(seconds)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"0.003 | 3.00e-3", "0 | 0.00e0", "123 | 1.23e2"})
  void powersOfTenHaveNoPadding(double number, String text) {
    assertThat(Figures.scientific(number)).isEqualTo(text);
  }
}
