import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HL7Exception;
import ca.uhn.hl7v2.app.Connection;
import ca.uhn.hl7v2.llp.HL7Reader;
import ca.uhn.hl7v2.llp.HL7Writer;
import ca.uhn.hl7v2.llp.MinLowerLayerProtocol;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.parser.CanonicalModelClassFactory;
import ca.uhn.hl7v2.util.Terser;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * HAPI HL7v2 as the sender at the other end of an MLLP link. One line per message: file, ACK code, MSA-2.
 * HapiSender parsed HOST PORT FOLDER   the message as HAPI parses and encodes it; HAPI parses our answer
 * HapiSender raw    HOST PORT FOLDER   the bytes of the file, framed by HAPI; HAPI cuts our frame
 */
public class HapiSender {
  private static final int SECONDS = 30;

  /** One question and its answer as {code, control id}. */
  interface Exchange extends AutoCloseable {
    String[] send(String text) throws Exception;
    @Override void close() throws IOException;
  }

  public static void main(String[] args) throws Exception {
    List<Path> files;
    try (Stream<Path> found = Files.list(Path.of(args[3]))) {
      files = found.filter(Files::isRegularFile).sorted().toList();
    }
    int port = Integer.parseInt(args[2]);
    try (Exchange exchange = args[0].equals("raw") ? raw(args[1], port) : parsed(args[1], port)) {
      for (Path file : files) {
        String text = Files.readString(file, StandardCharsets.UTF_8).replaceAll("\r\n?|\n", "\r");
        String[] answer;
        try {
          answer = exchange.send(text);
        } catch (Exception e) {
          answer = new String[] {"!" + e.getClass().getSimpleName(), String.valueOf(e.getMessage()).split("\n")[0]};
        }
        System.out.println(file.getFileName() + "\t" + answer[0] + "\t" + answer[1]);
      }
    }
    System.exit(0);
  }

  private static MinLowerLayerProtocol mllp() {
    MinLowerLayerProtocol mllp = new MinLowerLayerProtocol();
    mllp.setCharset(StandardCharsets.UTF_8);
    return mllp;
  }

  private static DefaultHapiContext hapi() {
    DefaultHapiContext hapi = new DefaultHapiContext(new CanonicalModelClassFactory("2.5.1"));
    hapi.setValidationContext(ValidationContextFactory.noValidation());
    hapi.setLowerLayerProtocol(mllp());
    return hapi;
  }

  private static Exchange parsed(String host, int port) throws Exception {
    DefaultHapiContext hapi = hapi();
    Connection connection = hapi.newClient(host, port, false);
    connection.getInitiator().setTimeout(SECONDS, TimeUnit.SECONDS);
    return new Exchange() {
      public String[] send(String text) throws Exception {
        return answer(connection.getInitiator().sendAndReceive(hapi.getGenericParser().parse(text)));
      }
      public void close() throws IOException {
        connection.close();
        hapi.close();
      }
    };
  }

  private static Exchange raw(String host, int port) throws Exception {
    DefaultHapiContext hapi = hapi();
    Socket socket = new Socket(host, port);
    socket.setSoTimeout(SECONDS * 1000);
    HL7Writer writer = mllp().getWriter(socket.getOutputStream());
    HL7Reader reader = mllp().getReader(socket.getInputStream());
    return new Exchange() {
      public String[] send(String text) throws Exception {
        writer.writeMessage(text);
        String frame = reader.getMessage();
        if (frame == null) throw new IOException("the connection was closed without an answer");
        return answer(hapi.getGenericParser().parse(frame));
      }
      public void close() throws IOException {
        socket.close();
        hapi.close();
      }
    };
  }

  private static String[] answer(Message message) throws HL7Exception {
    Terser terser = new Terser(message);
    return new String[] {terser.get("/.MSA-1"), terser.get("/.MSA-2")};
  }
}
