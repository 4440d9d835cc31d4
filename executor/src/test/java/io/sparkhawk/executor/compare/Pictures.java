package io.sparkhawk.executor.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Base64;
import javax.imageio.ImageIO;

/** Test help: compares the pixels of a picture with the elements that they stand for. */
final class Pictures {

  private static final double[] GREY = {230, 230, 230};
  private static final double[] RED = {178, 24, 43};
  private static final double[] BLUE = {33, 102, 172};

  /** Half a shade of the palette in the channel that changes most, and half a step of a byte. */
  private static final double ROUNDING = 0.5 / 127 * 206 + 0.5 + 1e-3;

  private Pictures() {}

  static BufferedImage read(String base64) throws IOException {
    return ImageIO.read(new ByteArrayInputStream(Base64.getDecoder().decode(base64)));
  }

  /**
   * Checks size, transparency and colours.
   *
   * @param elements of the matrix, row by row
   * @param largest the absolute value of the darkest colours
   */
  static void assertShows(String base64, double[] elements, int length, double largest)
      throws IOException {
    BufferedImage image = read(base64);
    assertThat(image.getWidth()).isEqualTo(length);
    assertThat(image.getHeight()).isEqualTo(length);
    for (int row = 0; row < length; row++) {
      for (int column = 0; column < length; column++) {
        int argb = image.getRGB(column, row);
        assertThat(argb >>> 24).as("opacity").isEqualTo(column > row ? 0 : 255);
        if (column <= row) {
          assertColour(argb, elements[row * length + column] / largest);
        }
      }
    }
  }

  private static void assertColour(int argb, double share) {
    double[] darkest = share < 0 ? BLUE : RED;
    for (int part = 0; part < 3; part++) {
      double expected = GREY[part] + Math.sqrt(Math.abs(share)) * (darkest[part] - GREY[part]);
      assertThat((double) ((argb >>> (16 - 8 * part)) & 255))
          .as("channel %d of %s", part, share)
          .isCloseTo(expected, within(ROUNDING));
    }
  }
}
