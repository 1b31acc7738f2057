// SPDX-FileCopyrightText: The stash_mail developers
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Asks the JVM that runs it what it makes of a mail server, and of a truststore. Plain Java 8 without a library.
 *
 * <p>Towards a mail server it does what JavaMail does up to the end of the TLS handshake: the first address that Java
 * finds, STARTTLS or TLS from the first byte, the JVM's default SSLContext and its SNI. There is no login in it, and no
 * mail.
 *
 * <p>Standard input: requests of lines "name TAB value", the value in base64, each up to an empty line; "do" says what
 * to do. "property.NAME" sets a system property, before any class of TLS is initialised: that is how a password gets in
 * without being seen by others. Standard output: the same kind of lines, each as soon as it is known, so that a JVM that
 * is killed has said something; "end" ends an answer. The program ends with its input, whatever it is doing then: with
 * its parent, that is.
 */
public final class StashMailVerdict {
    private static final int MAX_LINE = 8192;
    private static final int MAX_LINES = 256;
    private static final int MAX_TEXT = 4000;
    private static boolean judged;
    private static SSLSocket open;
    private static boolean greeted;

    private StashMailVerdict() {}

    public static void main(String[] arguments) throws Exception {
        Requests requests = new Requests();
        requests.setDaemon(true);
        requests.start();
        while (true) {
            Map<String, String> asked = requests.queue.take();
            for (Map.Entry<String, String> entry : asked.entrySet()) {
                if (entry.getKey().startsWith("property.")) {
                    System.setProperty(entry.getKey().substring("property.".length()), entry.getValue());
                }
            }
            judged = false;
            try {
                answer(asked);
            } catch (Throwable thrown) {
                if (!judged && isAboutCertificate(thrown)) {
                    say("trusted", "false");
                }
                say("error", chainOf(thrown));
            }
            say("end", "");
            sayGoodbye();
        }
    }

    private static void answer(Map<String, String> asked) throws Exception {
        switch (asked.get("do")) {
            case "greet":
                say("version", System.getProperty("java.version"));
                say("hello", hello(asked.get("local")));
                break;
            case "judge":
                judge(
                        asked,
                        asked.get("host"),
                        asked.get("address"),
                        Integer.parseInt(asked.get("port")),
                        asked.get("mode"),
                        asked.get("hello"),
                        Integer.parseInt(asked.get("milliseconds")));
                say("stage", "done");
                break;
            case "load":
                load(asked);
                break;
            case "read":
                read(asked);
                break;
            default:
                throw new IllegalArgumentException(asked.get("do"));
        }
    }

    /** What JavaMail calls itself where no mail.smtp.localhost is set, on a socket with this address. */
    private static String hello(String local) throws UnknownHostException {
        try {
            return InetAddress.getLocalHost().getCanonicalHostName();
        } catch (UnknownHostException unknown) {
            return InetAddress.getByName(local).getCanonicalHostName();
        }
    }

    private static void judge(
            Map<String, String> asked, String host, String target, int port, String mode, String hello, int limit)
            throws Exception {
        say("stage", "context");
        SSLSocketFactory factory = factory(asked.containsKey("store") ? store(asked) : null);
        say("stage", "connect");
        Socket plain = new Socket();
        InetSocketAddress address = new InetSocketAddress(target, port);
        if (!address.isUnresolved()) {
            say("address", address.getAddress().getHostAddress());
        }
        plain.connect(address, limit);
        plain.setSoTimeout(limit);
        if (!mode.equals("smtps")) {
            startTls(plain, hello);
        }
        say("stage", "handshake");
        SSLSocket socket = (SSLSocket) factory.createSocket(plain, host, port, true);
        socket.startHandshake();
        SSLSession session = socket.getSession();
        say("protocol", session.getProtocol());
        say("cipher", session.getCipherSuite());
        open = socket;
        greeted = !mode.equals("smtps");
    }

    /** Loads a truststore as TLS does, and says how many certificates TLS would trust then. */
    private static void load(Map<String, String> asked) throws Exception {
        KeyStore store = store(asked);
        boolean empty = store.size() == 0;
        say("trusted", Integer.toString(empty ? 0 : trustManager(store).getAcceptedIssuers().length));
    }

    /** Says which of some certificates this JVM does not read. */
    private static void read(Map<String, String> asked) throws Exception {
        CertificateFactory reader = CertificateFactory.getInstance("X.509");
        for (Map.Entry<String, String> entry : asked.entrySet()) {
            if (entry.getKey().startsWith("certificate.")) {
                try {
                    reader.generateCertificate(new ByteArrayInputStream(Base64.getDecoder().decode(entry.getValue())));
                } catch (CertificateException | RuntimeException unreadable) {
                    say("refused", entry.getKey().substring("certificate.".length()) + " " + chainOf(unreadable));
                }
            }
        }
    }

    /** The truststore of a question, read as the JVM reads the one that it is started with. */
    private static KeyStore store(Map<String, String> asked) throws Exception {
        String type = asked.get("type");
        String password = asked.get("password");
        String provider = System.getProperty("javax.net.ssl.trustStoreProvider", "");
        type = type == null ? KeyStore.getDefaultType() : type;
        KeyStore store = provider.isEmpty() ? KeyStore.getInstance(type) : KeyStore.getInstance(type, provider);
        byte[] bytes = Base64.getDecoder().decode(asked.get("store"));
        store.load(new ByteArrayInputStream(bytes), password == null ? null : password.toCharArray());
        return store;
    }

    /**
     * The JVM's default factory's settings, with a trust manager that tells what the JVM's own decides; by {@code
     * store}, or by what the JVM is started with.
     */
    private static SSLSocketFactory factory(KeyStore store) throws Exception {
        if (store == null) {
            try {
                SSLContext.getDefault();
            } catch (Exception unusable) {
                // What JavaMail sees of it is the exception of this factory.
                SSLSocketFactory.getDefault().createSocket();
                throw unusable;
            }
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new Witness(trustManager(store))}, null);
        return context.getSocketFactory();
    }

    private static X509ExtendedTrustManager trustManager(KeyStore store) throws Exception {
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        for (TrustManager manager : trust.getTrustManagers()) {
            if (manager instanceof X509ExtendedTrustManager) {
                return (X509ExtendedTrustManager) manager;
            }
        }
        throw new IllegalStateException("this JVM's trust manager is not one of the usual kind");
    }

    private static void startTls(Socket socket, String hello) throws IOException {
        say("stage", "greeting");
        expect(socket, "220");
        send(socket, "EHLO " + hello);
        if (!expect(socket, "250").contains("\nSTARTTLS")) {
            throw new IOException("STARTTLS is required but host does not support STARTTLS");
        }
        say("stage", "starttls");
        send(socket, "STARTTLS");
        expect(socket, "220");
        if (socket.getInputStream().available() > 0) {
            throw new IOException("the server sent more than its answer to STARTTLS");
        }
    }

    /** As a client should; nobody waits for it. */
    private static void sayGoodbye() {
        SSLSocket socket = open;
        open = null;
        if (socket == null) {
            return;
        }
        try {
            socket.setSoTimeout(2000);
            if (!greeted) {
                reply(socket);
            }
            send(socket, "QUIT");
            reply(socket);
            socket.close();
        } catch (IOException unimportant) {
            // The verdict is there already.
        }
    }

    private static void send(Socket socket, String line) throws IOException {
        socket.getOutputStream().write((line + "\r\n").getBytes("US-ASCII"));
        socket.getOutputStream().flush();
    }

    private static String expect(Socket socket, String code) throws IOException {
        String answer = reply(socket);
        if (!answer.startsWith("\n" + code)) {
            throw new IOException("the server answered" + answer.replace('\n', ' '));
        }
        return answer.replaceAll("\n\\d{3}[ -]", "\n").toUpperCase(Locale.ROOT);
    }

    private static String reply(Socket socket) throws IOException {
        StringBuilder all = new StringBuilder();
        for (int count = 0; count < MAX_LINES; count++) {
            String line = line(socket.getInputStream());
            all.append('\n').append(line);
            if (line.length() < 4 || line.charAt(3) != '-') {
                return all.toString();
            }
        }
        throw new IOException("the server's answer has no end");
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        while (line.size() < MAX_LINE) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("[EOF]");
            }
            if (next == '\n') {
                return line.toString("ISO-8859-1").replace("\r", "");
            }
            line.write(next);
        }
        throw new IOException("the server's line has no end");
    }

    private static synchronized void say(String name, String value) {
        String text = value == null ? "" : value;
        try {
            String encoded = Base64.getEncoder().encodeToString(text.getBytes("UTF-8"));
            System.out.print(name + "\t" + encoded + "\n");
            System.out.flush();
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String chainOf(Throwable thrown) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = thrown; cause != null && text.length() < MAX_TEXT; cause = cause.getCause()) {
            text.append(text.length() == 0 ? "" : " <- ").append(cause);
        }
        String line = text.toString().replaceAll("\\s+", " ");
        return line.length() < MAX_TEXT ? line : line.substring(0, MAX_TEXT);
    }

    private static boolean isAboutCertificate(Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateException) {
                return true;
            }
        }
        return false;
    }

    /** Reads the requests, and ends the program when there is nobody left to ask. */
    private static final class Requests extends Thread {
        final LinkedBlockingQueue<Map<String, String>> queue = new LinkedBlockingQueue<>();

        @Override
        public void run() {
            try {
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "US-ASCII"));
                Map<String, String> asked = new HashMap<>();
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    int tab = line.indexOf('\t');
                    if (tab > 0) {
                        byte[] value = Base64.getDecoder().decode(line.substring(tab + 1));
                        asked.put(line.substring(0, tab), new String(value, "UTF-8"));
                    } else if (line.isEmpty()) {
                        queue.add(asked);
                        asked = new HashMap<>();
                    }
                }
            } catch (IOException | RuntimeException broken) {
                // As at the end.
            }
            Runtime.getRuntime().halt(0);
        }
    }

    /** Asks the JVM's own trust manager, as JavaMail does and then as Angus Mail does; JavaMail's answer counts. */
    private static final class Witness extends X509ExtendedTrustManager {
        private final X509ExtendedTrustManager own;

        Witness(X509ExtendedTrustManager own) {
            this.own = own;
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String kind, Socket socket)
                throws CertificateException {
            for (X509Certificate certificate : chain) {
                sayFingerprint(certificate);
            }
            sayIdentity(chain, kind, (SSLSocket) socket);
            judged = true;
            try {
                own.checkServerTrusted(chain, kind, socket);
            } catch (CertificateException | RuntimeException refused) {
                say("trusted", "false");
                throw refused;
            }
            say("trusted", "true");
        }

        /** The check of the host's name alone: with the certificate itself as the anchor, nothing else is checked. */
        private static void sayIdentity(X509Certificate[] chain, String kind, SSLSocket socket) {
            try {
                KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
                store.load(null, null);
                store.setCertificateEntry("server", chain[0]);
                X509ExtendedTrustManager trusting = trustManager(store);
                trusting.checkServerTrusted(chain, kind, socket);
                try {
                    identify(socket, "LDAPS");
                    trusting.checkServerTrusted(chain, kind, socket);
                    say("identity", "true");
                } catch (CertificateException refused) {
                    say("identity", "false");
                } finally {
                    identify(socket, "");
                }
            } catch (Exception unusual) {
                say("identity", "");
            }
        }

        private static void identify(SSLSocket socket, String algorithm) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm(algorithm);
            socket.setSSLParameters(parameters);
        }

        private static void sayFingerprint(X509Certificate certificate) {
            try {
                byte[] digest = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
                StringBuilder text = new StringBuilder();
                for (byte value : digest) {
                    text.append(Character.forDigit(value >> 4 & 15, 16)).append(Character.forDigit(value & 15, 16));
                }
                say("certificate", text.toString());
            } catch (Exception unreadable) {
                say("certificate", "");
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String kind, SSLEngine engine)
                throws CertificateException {
            own.checkServerTrusted(chain, kind, engine);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String kind) throws CertificateException {
            own.checkServerTrusted(chain, kind);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String kind, Socket socket)
                throws CertificateException {
            own.checkClientTrusted(chain, kind, socket);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String kind, SSLEngine engine)
                throws CertificateException {
            own.checkClientTrusted(chain, kind, engine);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String kind) throws CertificateException {
            own.checkClientTrusted(chain, kind);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return own.getAcceptedIssuers();
        }
    }
}
