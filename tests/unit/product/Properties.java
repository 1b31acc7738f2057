// SPDX-FileCopyrightText: The stash_mail developers
// SPDX-License-Identifier: GPL-3.0-or-later
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** Reads a properties file, in Base64, from each line of its input, and says on a line what is in it, in hexadecimal. */
class Properties {
    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println(read(Base64.getDecoder().decode(line)));
        }
    }

    private static String read(byte[] file) throws Exception {
        java.util.Properties properties = new java.util.Properties();
        try {
            properties.load(new ByteArrayInputStream(file));
        } catch (IllegalArgumentException refused) {
            return "refused";
        }
        StringBuilder answer = new StringBuilder("read");
        for (String key : properties.stringPropertyNames()) {
            answer.append(' ').append(hexadecimal(key)).append('=').append(hexadecimal(properties.getProperty(key)));
        }
        return answer.toString();
    }

    private static String hexadecimal(String text) {
        StringBuilder digits = new StringBuilder();
        for (char unit : text.toCharArray()) {
            digits.append(String.format("%04x", (int) unit));
        }
        return digits.toString();
    }
}
