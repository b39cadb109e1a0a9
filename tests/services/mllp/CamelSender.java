import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.mllp.MllpConstants;
import org.apache.camel.main.Main;

/**
 * Apache Camel's MLLP producer as the sender at the other end of a link. One line per message: file, ACK code.
 * CamelSender HOST PORT FOLDER
 */
public class CamelSender {
  public static void main(String[] args) throws Exception {
    String files = "file:" + args[2] + "?noop=true&idempotent=true&initialDelay=0&sortBy=file:name&charset=UTF-8";
    String link = "mllp:" + args[0] + ":" + args[1];
    Main camel = new Main();
    camel.configure().setShutdownTimeout(2);
    camel.configure().setDurationMaxIdleSeconds(2);
    camel.configure().addRoutesBuilder(new RouteBuilder() {
      @Override public void configure() {
        from(files)
            .convertBodyTo(String.class)
            .process(e -> e.getMessage().setBody(e.getMessage().getBody(String.class).replaceAll("\r\n?|\n", "\r")))
            .doTry().to(link).process(CamelSender::answered)
            .doCatch(Exception.class).process(CamelSender::failed)
            .end();
      }
    });
    camel.run();
  }

  private static void answered(Exchange exchange) {
    Object code = exchange.getMessage().getHeader(MllpConstants.MLLP_ACKNOWLEDGEMENT_TYPE);
    System.out.println(exchange.getMessage().getHeader(Exchange.FILE_NAME) + "\t" + code);
  }

  private static void failed(Exchange exchange) {
    Exception cause = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
    System.out.println(exchange.getMessage().getHeader(Exchange.FILE_NAME) + "\t!" + cause.getClass().getSimpleName());
  }
}
