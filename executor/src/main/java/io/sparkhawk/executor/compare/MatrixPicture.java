package io.sparkhawk.executor.compare;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Draws a lower triangular matrix, a pixel for each element: zero in a light grey, positive
 * elements up to a dark red, negative ones down to a dark blue. What is above the diagonal is
 * transparent. So it can be told from light and from dark pages.
 *
 * <p>How far a colour is from grey grows with the square root of the element: attention maps have
 * many small elements beside a few near 1.
 */
final class MatrixPicture {

  /** Shades of each sign; with zero and the transparent one they fill a palette of 256. */
  private static final int SHADES = 127;

  private static final int TRANSPARENT = 0;
  private static final int ZERO = SHADES + 1;
  private static final int COLOURS = 2 * SHADES + 2;

  private static final int[] GREY = {230, 230, 230};
  private static final int[] RED = {178, 24, 43};
  private static final int[] BLUE = {33, 102, 172};

  private static final IndexColorModel PALETTE = palette();

  private MatrixPicture() {}

  /**
   * A PNG file in Base64; equal elements give equal files.
   *
   * @param elements finite numbers, row by row
   * @param length rows, and columns
   * @param largest the absolute value of the darkest colours, at least that of any element
   */
  static String png(double[] elements, int length, double largest) {
    BufferedImage image =
        new BufferedImage(length, length, BufferedImage.TYPE_BYTE_INDEXED, PALETTE);
    for (int row = 0; row < length; row++) {
      for (int column = 0; column < length; column++) {
        int colour =
            column > row ? TRANSPARENT : ZERO + shade(elements[row * length + column], largest);
        image.getRaster().setSample(column, row, 0, colour);
      }
    }
    return Base64.getEncoder().encodeToString(write(image));
  }

  private static int shade(double element, double largest) {
    return largest == 0
        ? 0
        : (int)
            (Math.signum(element) * Math.round(SHADES * Math.sqrt(Math.abs(element) / largest)));
  }

  private static byte[] write(BufferedImage image) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    // Not of a stream: that would be cached in a file.
    try (ImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      if (!ImageIO.write(image, "png", out)) {
        throw new IllegalStateException("this Java runtime cannot write PNG files");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static IndexColorModel palette() {
    byte[][] colours = new byte[4][COLOURS]; // red, green, blue, opacity
    for (int shade = -SHADES; shade <= SHADES; shade++) {
      int[] darkest = shade < 0 ? BLUE : RED;
      double share = Math.abs(shade) / (double) SHADES;
      for (int part = 0; part < 3; part++) {
        colours[part][ZERO + shade] =
            (byte) Math.round(GREY[part] + share * (darkest[part] - GREY[part]));
      }
      colours[3][ZERO + shade] = (byte) 255;
    }
    return new IndexColorModel(8, COLOURS, colours[0], colours[1], colours[2], colours[3]);
  }
}
