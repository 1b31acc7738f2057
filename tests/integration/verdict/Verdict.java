// SPDX-FileCopyrightText: The stash_mail developers
// SPDX-License-Identifier: GPL-3.0-or-later

import com.sun.mail.smtp.SMTPTransport;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.KeyStore;
import java.util.Properties;
import javax.mail.Session;
import javax.mail.Transport;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

/**
 * What JavaMail makes of mail servers: one question per line of standard input, one answer per line of standard output.
 *
 * <p>A question is mode, store, host and port, separated by tabs. Modes: smtps and starttls connect by JavaMail;
 * identity makes a TLS connection with the JVM's own check of the host name, as Angus Mail does. The store is a JKS
 * file, or "-" for the JVM's own default context. The answer is "ok" or the chain of exceptions. Mode hello answers with
 * the name that JavaMail gave in EHLO; mode login logs in without TLS.
 */
public final class Verdict {
    private static final int TIMEOUT_MS = 5000;

    private Verdict() {}

    public static void main(String[] args) throws Exception {
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            System.out.println(answer(line.split("\t")));
            System.out.flush();
        }
        System.exit(0);
    }

    private static String answer(String[] question) {
        String mode = question[0];
        String host = question[2];
        int port = Integer.parseInt(question[3]);
        try {
            if (mode.equals("login")) {
                login(host, port);
            } else if (mode.equals("hello")) {
                return hello(host, port);
            } else if (mode.equals("identity")) {
                identify(factory(question[1]), host, port);
            } else {
                connect(mode, question[1], host, port);
            }
            return "ok";
        } catch (Throwable thrown) {
            StringBuilder text = new StringBuilder();
            for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
                text.append(text.length() == 0 ? "" : " <- ").append(cause);
            }
            return text.toString().replaceAll("\\s+", " ");
        }
    }

    private static void connect(String mode, String store, String host, int port) throws Exception {
        Properties properties = new Properties();
        properties.put("mail.smtp.connectiontimeout", Integer.toString(TIMEOUT_MS));
        properties.put("mail.smtp.timeout", Integer.toString(TIMEOUT_MS));
        if (mode.equals("smtps")) {
            properties.put("mail.smtp.ssl.enable", "true");
        } else {
            properties.put("mail.smtp.starttls.enable", "true");
            properties.put("mail.smtp.starttls.required", "true");
        }
        if (!store.equals("-")) {
            properties.put("mail.smtp.ssl.socketFactory", factory(store));
            // JavaMail would try again with the JVM's default factory, and its exception would be the one to see.
            properties.put("mail.smtp.socketFactory.fallback", "false");
        }
        try (Transport transport = Session.getInstance(properties).getTransport("smtp")) {
            transport.connect(host, port, null, null);
        }
    }

    private static void login(String host, int port) throws Exception {
        try (Transport transport = Session.getInstance(new Properties()).getTransport("smtp")) {
            transport.connect(host, port, "user", "secret");
        }
    }

    private static String hello(String host, int port) throws Exception {
        try (SMTPTransport transport = (SMTPTransport) Session.getInstance(new Properties()).getTransport("smtp")) {
            transport.connect(host, port, null, null);
            return transport.getLocalHost();
        }
    }

    private static void identify(SSLSocketFactory factory, String host, int port) throws Exception {
        Socket plain = new Socket();
        plain.connect(new InetSocketAddress("127.0.0.1", port), TIMEOUT_MS);
        plain.setSoTimeout(TIMEOUT_MS);
        try (SSLSocket socket = (SSLSocket) factory.createSocket(plain, host, port, true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("LDAPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
        }
    }

    private static SSLSocketFactory factory(String store) throws Exception {
        if (store.equals("-")) {
            return (SSLSocketFactory) SSLSocketFactory.getDefault();
        }
        KeyStore anchors = KeyStore.getInstance("JKS");
        try (InputStream in = new FileInputStream(store)) {
            anchors.load(in, null);
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(anchors);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context.getSocketFactory();
    }
}
