package io.sparkhawk.data.corpus;

import io.sparkhawk.data.error.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Reads a whole file as one document. */
final class TextFileReader extends DocumentReader {

  private final InputStream in;
  private boolean done;

  TextFileReader(CorpusFile file, InputStream in) {
    super(file);
    this.in = in;
  }

  @Override
  Optional<Document> readNext() throws IOException {
    if (done) {
      return Optional.empty();
    }
    done = true;
    byte[] content = in.readNBytes(LineReader.MAX_LINE_BYTES);
    if (in.read() >= 0) {
      throw new IOException("it is longer than " + LineReader.MAX_LINE_BYTES + " bytes");
    }
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
      return Optional.of(new Document(text, ""));
    } catch (CharacterCodingException e) {
      throw new DataException(file().uri() + " is not UTF-8 text. Convert it or leave it out.", e);
    }
  }

  @Override
  String position() {
    return "";
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw unreadable(file(), "", e);
    }
  }
}
