// SPDX-FileCopyrightText: The stash_mail developers
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import javax.mail.MessagingException;
import javax.mail.Session;
import javax.mail.Transport;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeMessage;
import javax.net.ssl.SSLContext;

/**
 * The stand-in's JVM: it starts the REST server (its arguments are the command) and sends the mails that the server
 * asks for, with JavaMail and the truststore this JVM was started with. A request is a line "SEND key=base64 ..." on
 * the server's standard output, the answer a line "OK" or "FAIL base64" on its standard input: so no secret is ever an
 * argument or in an environment. A line "STOP" among the answers asks the server to end, which may have mails sent
 * until then. Each of the two processes ends when the other does.
 */
public final class Launcher {
    private static final long STOP_SECONDS = 10;
    private static volatile int status = 0;

    private Launcher() {}

    public static void main(String[] args) throws Exception {
        readTruststore();
        Process server = new ProcessBuilder(args).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        PrintStream answers = new PrintStream(server.getOutputStream(), true, "US-ASCII");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stop(server, answers);
            // Otherwise an ordered stop by SIGTERM would end with 143, which an init system takes for a failure.
            Runtime.getRuntime().halt(status);
        }));
        serve(server, answers);
        status = server.waitFor();
        System.exit(status);
    }

    /** The JVM reads its truststore at the first use and never again; doing it now makes "at start" exact. */
    private static void readTruststore() {
        try {
            SSLContext.getDefault();
        } catch (Exception e) {
            // The product starts with a broken truststore too, and fails at each TLS connection.
            e.printStackTrace();
        }
    }

    /** Asks it to end: Process.destroy() would close the streams too, and what is still to be sent would be lost. */
    private static void stop(Process server, PrintStream answers) {
        answers.print("STOP\n");
        answers.flush();
        try {
            if (!server.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                server.destroyForcibly();
            }
        } catch (InterruptedException e) {
            server.destroyForcibly();
        }
    }

    private static void serve(Process server, PrintStream answers) throws IOException {
        BufferedReader requests =
                new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.US_ASCII));
        String line;
        while ((line = requests.readLine()) != null) {
            try {
                send(parse(line));
                answers.print("OK\n");
            } catch (Exception | LinkageError e) {
                answers.print("FAIL " + encode(trace(e)) + "\n");
            }
            answers.flush();
        }
    }

    private static Map<String, String> parse(String line) {
        String[] tokens = line.split(" ");
        if (!tokens[0].equals("SEND")) {
            throw new IllegalArgumentException("unknown request");
        }
        Map<String, String> fields = new HashMap<>();
        for (int i = 1; i < tokens.length; i++) {
            int equals = tokens[i].indexOf('=');
            byte[] value = Base64.getDecoder().decode(tokens[i].substring(equals + 1));
            // ISO 8859-1 keeps every byte of the message; the texts among the fields are decoded where used.
            fields.put(tokens[i].substring(0, equals), new String(value, StandardCharsets.ISO_8859_1));
        }
        return fields;
    }

    private static void send(Map<String, String> request) throws MessagingException {
        String protocol = text(request, "protocol");
        String user = text(request, "username");
        String prefix = "mail." + protocol + ".";
        Properties properties = new Properties();
        properties.setProperty("mail.transport.protocol", protocol);
        properties.setProperty(prefix + "host", text(request, "host"));
        properties.setProperty(prefix + "port", text(request, "port"));
        properties.setProperty(prefix + "auth", String.valueOf(!user.isEmpty()));
        properties.setProperty(prefix + "connectiontimeout", text(request, "connecttimeout"));
        properties.setProperty(prefix + "timeout", text(request, "timeout"));
        if (protocol.equals("smtp")) {
            properties.setProperty(prefix + "starttls.enable", text(request, "starttls"));
            properties.setProperty(prefix + "starttls.required", text(request, "required"));
        }
        Session session = Session.getInstance(properties);
        byte[] content = request.get("message").getBytes(StandardCharsets.ISO_8859_1);
        MimeMessage message = new MimeMessage(session, new ByteArrayInputStream(content));
        InternetAddress[] recipients = {new InternetAddress(text(request, "recipient"))};
        Transport transport = session.getTransport(protocol);
        try {
            transport.connect(
                    text(request, "host"),
                    Integer.parseInt(text(request, "port")),
                    user.isEmpty() ? null : user,
                    user.isEmpty() ? null : text(request, "password"));
            transport.sendMessage(message, recipients);
        } finally {
            close(transport);
        }
    }

    /** A server that fails at QUIT has the message already. */
    private static void close(Transport transport) {
        try {
            transport.close();
        } catch (MessagingException e) {
            System.err.println("closing the mail connection: " + e.getMessage());
        }
    }

    private static String text(Map<String, String> request, String key) {
        return new String(request.get(key).getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    private static String trace(Throwable failure) {
        StringWriter writer = new StringWriter();
        failure.printStackTrace(new PrintWriter(writer, true));
        return writer.toString();
    }

    private static String encode(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}
