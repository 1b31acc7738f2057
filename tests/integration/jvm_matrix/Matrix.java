// SPDX-FileCopyrightText: The stash_mail developers
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.Transport;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeMessage;

/**
 * Asks one Java installation about truststores. Without arguments it answers questions from standard input, one a line
 * with tabs between the words, and one line each as the answer; it ends with its input.
 *
 * <p>Every delivery and every keytool is a new JVM of the same installation, since a JVM reads its truststore once.
 */
public final class Matrix {
    private static final long SECONDS = 60;
    /** In place of a password: the property or argument is left out. */
    private static final String NONE = "-";
    private static final String DELIVERED = "delivered";
    private static final String FAILED = "failed: ";

    private Matrix() {}

    public static void main(String[] args) throws Exception {
        if (args.length > 0) {
            send(args[0], Integer.parseInt(args[1]), args[2]);
            return;
        }
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line;
        while ((line = questions.readLine()) != null) {
            String answer;
            try {
                answer = answer(line.split("\t"));
            } catch (Exception e) {
                answer = "error: " + causes(e);
            }
            System.out.println(answer.replace('\n', ' '));
        }
    }

    private static String answer(String[] question) throws Exception {
        switch (question[0]) {
            case "version":
                return System.getProperty("java.version");
            case "bundle-as-pkcs12":
                return String.valueOf(bundleAsPkcs12(new File(question[1])));
            case "list":
                return list(question[1], question[2]);
            case "deliver":
                return deliver(question);
            default:
                throw new IllegalArgumentException(question[0]);
        }
    }

    /** As the JDK's own build makes its cacerts since Java 18: no password, no encryption, no MAC. */
    private static int bundleAsPkcs12(File target) throws Exception {
        System.setProperty("keystore.pkcs12.certProtectionAlgorithm", "NONE");
        System.setProperty("keystore.pkcs12.macAlgorithm", "NONE");
        KeyStore source = KeyStore.getInstance("JKS");
        try (InputStream in = new FileInputStream(System.getProperty("java.home") + "/lib/security/cacerts")) {
            source.load(in, null);
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        for (String alias : Collections.list(source.aliases())) {
            store.setCertificateEntry(alias, source.getCertificate(alias));
        }
        try (OutputStream out = new FileOutputStream(target)) {
            store.store(out, null);
        }
        return store.size();
    }

    /** The number of trusted certificates that keytool counts, or what it says instead. */
    private static String list(String store, String password) throws Exception {
        List<String> command = new ArrayList<>(Arrays.asList(program("keytool"), "-J-XX:TieredStopAtLevel=1", "-J-Duser.language=en", "-list"));
        command.addAll(Arrays.asList("-keystore", store));
        if (!password.equals(NONE)) {
            command.addAll(Arrays.asList("-storepass", password));
        }
        int count = 0;
        String reason = "";
        List<String> lines = run(command);
        for (String line : lines) {
            count += line.contains(", trustedCertEntry,") ? 1 : 0;
            reason = line.startsWith("keytool error:") ? line : reason;
        }
        return reason.isEmpty() ? String.valueOf(count) : reason;
    }

    /** Store, password, host, port, subject: what {@link #send} in a JVM with that truststore says. */
    private static String deliver(String[] question) throws Exception {
        List<String> command = new ArrayList<>(Arrays.asList(program("java"), "-XX:TieredStopAtLevel=1"));
        if (!question[1].equals(NONE)) {
            command.add("-Djavax.net.ssl.trustStore=" + question[1]);
        }
        if (!question[2].equals(NONE)) {
            command.add("-Djavax.net.ssl.trustStorePassword=" + question[2]);
        }
        command.addAll(Arrays.asList("-cp", System.getProperty("java.class.path"), Matrix.class.getName()));
        command.addAll(Arrays.asList(question).subList(3, 6));
        List<String> lines = run(command);
        for (String line : lines) {
            // Java 11 prints warnings about JavaMail before it.
            if (line.equals(DELIVERED) || line.startsWith(FAILED)) {
                return line;
            }
        }
        return "no answer: " + String.join(" ", lines);
    }

    private static void send(String host, int port, String subject) {
        Properties properties = new Properties();
        properties.setProperty("mail.smtp.starttls.enable", "true");
        properties.setProperty("mail.smtp.starttls.required", "true");
        properties.setProperty("mail.smtp.ssl.checkserveridentity", "true");
        properties.setProperty("mail.smtp.connectiontimeout", "20000");
        properties.setProperty("mail.smtp.timeout", "20000");
        try {
            Session session = Session.getInstance(properties);
            MimeMessage message = new MimeMessage(session);
            message.setFrom(new InternetAddress("bitbucket@example.com"));
            message.setRecipient(Message.RecipientType.TO, new InternetAddress("admin@example.com"));
            message.setSubject(subject);
            message.setText("From Java " + System.getProperty("java.version"));
            Transport transport = session.getTransport("smtp");
            try {
                transport.connect(host, port, null, null);
                transport.sendMessage(message, message.getAllRecipients());
            } finally {
                transport.close();
            }
            System.out.println(DELIVERED);
        } catch (Exception | LinkageError e) {
            System.out.println(FAILED + causes(e));
        }
    }

    private static String causes(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            text.append(text.length() == 0 ? "" : " <- ").append(cause);
        }
        return text.toString().replaceAll("\\s+", " ");
    }

    private static String program(String name) {
        return new File(System.getProperty("java.home"), "bin/" + name).getPath();
    }

    /** The lines that the command prints; keytool without a password finds the end of its input where it asks. */
    private static List<String> run(List<String> command) throws IOException, InterruptedException {
        File output = File.createTempFile("matrix", ".out");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output)
                    .redirectInput(new File("/dev/null"))
                    .start();
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException(command.get(0) + " took more than " + SECONDS + " seconds");
            }
            return Files.readAllLines(output.toPath(), StandardCharsets.UTF_8);
        } finally {
            Files.delete(output.toPath());
        }
    }
}
