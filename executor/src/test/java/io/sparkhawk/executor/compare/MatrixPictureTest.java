package io.sparkhawk.executor.compare;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class MatrixPictureTest {

  @Test
  void signsHaveColoursOfTheirOwnAndAboveTheDiagonalIsNothing() throws IOException {
    double[] elements = {2, 9, 9, -2, 0, 9, 0.5, -0.5, 0.02};
    BufferedImage image = Pictures.read(MatrixPicture.png(elements, 3, 2));
    assertThat(image.getRGB(0, 0)).isEqualTo(0xffb2182b);
    assertThat(image.getRGB(0, 1)).isEqualTo(0xff2166ac);
    assertThat(image.getRGB(1, 1)).isEqualTo(0xffe6e6e6);
    for (int[] above : new int[][] {{1, 0}, {2, 0}, {2, 1}}) {
      assertThat(image.getRGB(above[0], above[1]) >>> 24).isZero();
    }
    Pictures.assertShows(MatrixPicture.png(elements, 3, 2), elements, 3, 2);
  }

  @Test
  void elementsThatAreSmallCanBeSeen() throws IOException {
    BufferedImage image = Pictures.read(MatrixPicture.png(new double[] {1e-3}, 1, 1));
    assertThat(image.getRGB(0, 0) & 255).isLessThan(230 - 4);
  }

  @Test
  void aMatrixOfZerosIsGrey() throws IOException {
    BufferedImage image = Pictures.read(MatrixPicture.png(new double[4], 2, 0));
    assertThat(image.getRGB(0, 0)).isEqualTo(image.getRGB(1, 1)).isEqualTo(0xffe6e6e6);
  }

  @Test
  void equalMatricesGiveEqualFilesOfSomeThousandBytes() throws IOException {
    SplittableRandom random = new SplittableRandom(5);
    double[] elements = random.doubles(64 * 64, -1, 1).toArray();
    String picture = MatrixPicture.png(elements, 64, 1);
    assertThat(MatrixPicture.png(elements.clone(), 64, 1)).isEqualTo(picture);
    assertThat(picture.length()).isLessThan(6000);
    Pictures.assertShows(picture, elements, 64, 1);
  }
}
