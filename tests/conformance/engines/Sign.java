import java.io.FileInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** Sign a letter as XAdES B-B with the JDK's XMLDSig: key (DER), certificate (PEM), canonicalisation, letter, result. */
public final class Sign {
    static final String X = "http://uri.etsi.org/01903/v1.3.2#", DS = "http://www.w3.org/2000/09/xmldsig#";

    static Element put(Element parent, String space, String name, String text) {
        Element made = parent.getOwnerDocument().createElementNS(space, (space.equals(X) ? "xades:" : "ds:") + name);
        if (text != null) {
            made.setTextContent(text);
        }
        parent.appendChild(made);
        return made;
    }

    public static void main(String[] args) throws Exception {
        PrivateKey key = KeyFactory.getInstance("EC")
            .generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of(args[0]))));
        X509Certificate certificate = (X509Certificate)
            CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(args[1]));
        String canonical = args[2];
        DocumentBuilderFactory builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        Document document = builders.newDocumentBuilder().parse(args[3]);
        Element header = (Element) document.getElementsByTagNameNS("*", "edXMLHeader").item(0);

        Element qualifying = document.createElementNS(X, "xades:QualifyingProperties");
        qualifying.setAttribute("Target", "#jdk");
        Element properties = put(qualifying, X, "SignedProperties", null);
        properties.setAttribute("Id", "jdk-properties");
        properties.setIdAttribute("Id", true);
        Element signed = put(properties, X, "SignedSignatureProperties", null);
        put(signed, X, "SigningTime", "2026-11-25T15:00:00+07:00");
        Element cert = put(put(put(signed, X, "SigningCertificateV2", null), X, "Cert", null), X, "CertDigest", null);
        put(cert, DS, "DigestMethod", null).setAttribute("Algorithm", DigestMethod.SHA256);
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
        put(cert, DS, "DigestValue", Base64.getEncoder().encodeToString(digest));

        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        DigestMethod sha256 = factory.newDigestMethod(DigestMethod.SHA256, null);
        Transform enveloped = factory.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null);
        Transform form = factory.newTransform(canonical, (TransformParameterSpec) null);
        Reference content = factory.newReference("", sha256, List.of(enveloped, form), null, null);
        Reference claims = factory.newReference(
            "#jdk-properties", sha256, List.of(form), "http://uri.etsi.org/01903#SignedProperties", null);
        var info = factory.newSignedInfo(
            factory.newCanonicalizationMethod(canonical, (C14NMethodParameterSpec) null),
            factory.newSignatureMethod("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", null),
            List.of(content, claims));
        KeyInfoFactory keys = factory.getKeyInfoFactory();
        var keyInfo = keys.newKeyInfo(List.of(keys.newX509Data(List.of(certificate))));
        var holder = factory.newXMLObject(List.of(new DOMStructure(qualifying)), null, null, null);
        DOMSignContext context = new DOMSignContext(key, header);
        context.setDefaultNamespacePrefix("ds");
        context.setIdAttributeNS(properties, null, "Id");
        factory.newXMLSignature(info, keyInfo, List.of(holder), "jdk", null).sign(context);
        TransformerFactory.newInstance().newTransformer()
            .transform(new DOMSource(document), new StreamResult(Path.of(args[4]).toFile()));
    }
}
