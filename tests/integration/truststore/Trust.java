// SPDX-FileCopyrightText: The stash_mail developers
// SPDX-License-Identifier: GPL-3.0-or-later

import java.security.KeyStore;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Says what this JVM makes of its javax.net.ssl.trustStore: how many CAs, and a TLS handshake to a port. */
public class Trust {
    public static void main(String[] arguments) throws Exception {
        System.out.println("anchors=" + anchors());
        System.out.println("handshake=" + handshake(Integer.parseInt(arguments[0])));
    }

    private static String anchors() {
        try {
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init((KeyStore) null);
            for (TrustManager manager : factory.getTrustManagers()) {
                if (manager instanceof X509TrustManager) {
                    return String.valueOf(((X509TrustManager) manager).getAcceptedIssuers().length);
                }
            }
            return "none";
        } catch (Exception error) {
            return "failed";
        }
    }

    private static String handshake(int port) {
        try (SSLSocket socket = (SSLSocket) SSLSocketFactory.getDefault().createSocket("127.0.0.1", port)) {
            socket.setSoTimeout(20000);
            socket.startHandshake();
            return "ok";
        } catch (Exception error) {
            return "failed";
        }
    }
}
