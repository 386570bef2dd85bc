import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.util.List;
import java.util.Map;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.cms.CMSObjectIdentifiers;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSCompressedData;
import org.bouncycastle.cms.CMSCompressedDataGenerator;
import org.bouncycastle.cms.CMSCompressedDataStreamGenerator;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.CMSSignedDataStreamGenerator;
import org.bouncycastle.cms.Recipient;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInfoGenerator;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.ZlibCompressor;
import org.bouncycastle.cms.jcajce.ZlibExpanderProvider;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

/**
 * BouncyCastle as a process: a line of words between tabs comes in, "ok" or "no" and the reason goes out.
 *
 * <p>Form "ber" is what the streaming generators write: indefinite lengths, content in many small octet strings.
 */
public final class Peer {
    private static final int PIECE = 100;
    private static final Map<String, ASN1ObjectIdentifier> CIPHERS = Map.of(
        "3des", CMSAlgorithm.DES_EDE3_CBC,
        "aes128-cbc", CMSAlgorithm.AES128_CBC,
        "aes192-cbc", CMSAlgorithm.AES192_CBC,
        "aes256-cbc", CMSAlgorithm.AES256_CBC,
        "aes128-gcm", CMSAlgorithm.AES128_GCM,
        "aes192-gcm", CMSAlgorithm.AES192_GCM,
        "aes256-gcm", CMSAlgorithm.AES256_GCM);
    private static final Map<String, String> SCHEMES =
        Map.of("pkcs1", "withRSA", "pss", "withRSAandMGF1", "ecdsa", "withECDSA");

    private Peer() {}

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            try {
                obey(line.split("\t"));
                answers.println("ok");
            } catch (Exception | LinkageError problem) {
                answers.println("no\t" + problem.toString().replaceAll("\\s+", " "));
            }
        }
    }

    private static void obey(String[] words) throws Exception {
        switch (words[0]) {
            case "sign" ->
                write(words[8], sign(words[1], words[2], words[3], words[4], key(words[5]),
                    certificate(words[6]), read(words[7])));
            case "verify" -> verify(certificate(words[1]), read(words[2]), read(words[3]));
            case "encrypt" ->
                write(words[7], encrypt(CIPHERS.get(words[1]), words[2], words[3], words[4].equals("ber"),
                    certificate(words[5]), read(words[6])));
            case "decrypt" -> write(words[4], decrypt(key(words[1]), certificate(words[2]), read(words[3])));
            case "compress" -> write(words[3], compress(words[1].equals("ber"), read(words[2])));
            case "decompress" ->
                write(words[2], new CMSCompressedData(read(words[1])).getContent(new ZlibExpanderProvider()));
            default -> throw new IllegalArgumentException("unknown command " + words[0]);
        }
    }

    private static byte[] sign(String digest, String scheme, String name, String form, PrivateKey key,
            X509Certificate certificate, byte[] content) throws Exception {
        JcaSignerInfoGeneratorBuilder builder = new JcaSignerInfoGeneratorBuilder(
            new JcaDigestCalculatorProviderBuilder().setProvider("BC").build());
        var signer = new JcaContentSignerBuilder(digest.toUpperCase() + SCHEMES.get(scheme))
            .setProvider("BC").build(key);
        SignerInfoGenerator info = name.equals("key-id")
            ? builder.build(signer, keyId(certificate)) : builder.build(signer, certificate);
        JcaCertStore certificates = new JcaCertStore(List.of(certificate));
        if (form.equals("der")) {
            CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
            generator.addSignerInfoGenerator(info);
            generator.addCertificates(certificates);
            return generator.generate(new CMSProcessableByteArray(content), false)
                .toASN1Structure().getEncoded(ASN1Encoding.DER);
        }
        CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
        generator.setBufferSize(PIECE);
        generator.addSignerInfoGenerator(info);
        generator.addCertificates(certificates);
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        try (OutputStream stream = generator.open(made, form.equals("opaque"))) {
            stream.write(content);
        }
        return made.toByteArray();
    }

    private static void verify(X509Certificate certificate, byte[] signature, byte[] content) throws Exception {
        CMSSignedData signed = new CMSSignedData(new CMSProcessableByteArray(content), signature);
        int good = 0;
        for (SignerInformation signer : signed.getSignerInfos().getSigners()) {
            if (signer.getSID().match(new JcaX509CertificateHolder(certificate))
                && signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate))) {
                good++;
            }
        }
        if (good == 0) {
            throw new IllegalStateException("no good signature by the certificate");
        }
    }

    private static byte[] encrypt(ASN1ObjectIdentifier cipher, String transport, String name, boolean streamed,
            X509Certificate certificate, byte[] content) throws Exception {
        JceKeyTransRecipientInfoGenerator recipient = recipient(transport, name, certificate);
        recipient.setProvider("BC");
        OutputEncryptor encryptor = new JceCMSContentEncryptorBuilder(cipher).setProvider("BC").build();
        String encoding = streamed ? ASN1Encoding.BER : ASN1Encoding.DER;
        if (encryptor instanceof OutputAEADEncryptor authenticating) {
            CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient);
            return generator.generate(new CMSProcessableByteArray(content), authenticating)
                .toASN1Structure().getEncoded(encoding);
        }
        if (!streamed) {
            CMSEnvelopedDataGenerator generator = new CMSEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient);
            return generator.generate(new CMSProcessableByteArray(content), encryptor)
                .toASN1Structure().getEncoded(encoding);
        }
        CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
        generator.setBufferSize(PIECE);
        generator.addRecipientInfoGenerator(recipient);
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        try (OutputStream stream = generator.open(made, encryptor)) {
            stream.write(content);
        }
        return made.toByteArray();
    }

    private static JceKeyTransRecipientInfoGenerator recipient(String transport, String name,
            X509Certificate certificate) throws Exception {
        boolean byKeyId = name.equals("key-id");
        if (transport.equals("pkcs1")) {
            return byKeyId
                ? new JceKeyTransRecipientInfoGenerator(keyId(certificate), certificate.getPublicKey())
                : new JceKeyTransRecipientInfoGenerator(certificate);
        }
        String digest = transport.replace("oaep-sha", "SHA-");
        AlgorithmIdentifier oaep = new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(
            PKCSObjectIdentifiers.id_RSAES_OAEP,
            new OAEPParameterSpec(digest, "MGF1", new MGF1ParameterSpec(digest), PSource.PSpecified.DEFAULT));
        return byKeyId
            ? new JceKeyTransRecipientInfoGenerator(keyId(certificate), oaep, certificate.getPublicKey())
            : new JceKeyTransRecipientInfoGenerator(certificate, oaep);
    }

    private static byte[] decrypt(PrivateKey key, X509Certificate certificate, byte[] content) throws Exception {
        boolean authenticated = ContentInfo.getInstance(ASN1Primitive.fromByteArray(content))
            .getContentType().equals(CMSObjectIdentifiers.authEnvelopedData);
        var recipients = authenticated
            ? new CMSAuthEnvelopedData(content).getRecipientInfos()
            : new CMSEnvelopedData(content).getRecipientInfos();
        Recipient recipient = authenticated
            ? new JceKeyTransAuthEnvelopedRecipient(key).setProvider("BC")
            : new JceKeyTransEnvelopedRecipient(key).setProvider("BC");
        for (RecipientInformation one : recipients.getRecipients()) {
            if (one.getRID().match(new JcaX509CertificateHolder(certificate))) {
                return one.getContent(recipient);
            }
        }
        throw new IllegalStateException("not for the certificate");
    }

    private static byte[] compress(boolean streamed, byte[] content) throws Exception {
        if (!streamed) {
            return new CMSCompressedDataGenerator()
                .generate(new CMSProcessableByteArray(content), new ZlibCompressor())
                .toASN1Structure().getEncoded(ASN1Encoding.DER);
        }
        CMSCompressedDataStreamGenerator generator = new CMSCompressedDataStreamGenerator();
        generator.setBufferSize(PIECE);
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        try (OutputStream stream = generator.open(made, new ZlibCompressor())) {
            stream.write(content);
        }
        return made.toByteArray();
    }

    private static byte[] keyId(X509Certificate certificate) throws Exception {
        byte[] extension = certificate.getExtensionValue("2.5.29.14");
        return extension == null
            ? new JcaX509ExtensionUtils().createSubjectKeyIdentifier(certificate.getPublicKey()).getKeyIdentifier()
            : ASN1OctetString.getInstance(ASN1OctetString.getInstance(extension).getOctets()).getOctets();
    }

    private static PrivateKey key(String file) throws Exception {
        try (PEMParser parser = new PEMParser(new FileReader(file, StandardCharsets.UTF_8))) {
            Object found = parser.readObject();
            JcaPEMKeyConverter converter = new JcaPEMKeyConverter().setProvider("BC");
            return found instanceof PEMKeyPair pair
                ? converter.getKeyPair(pair).getPrivate() : converter.getPrivateKey((PrivateKeyInfo) found);
        }
    }

    private static X509Certificate certificate(String file) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509", "BC")
            .generateCertificate(new ByteArrayInputStream(read(file)));
    }

    private static byte[] read(String file) throws Exception {
        return Files.readAllBytes(Path.of(file));
    }

    private static void write(String file, byte[] content) throws Exception {
        Files.write(Path.of(file), content);
    }
}
