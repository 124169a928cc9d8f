import java.io.FileInputStream;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Validate each file (after the first argument, a certificate in PEM) with the JDK's XMLDSig, and print true or false. */
public final class Verify {
    public static void main(String[] args) throws Exception {
        X509Certificate certificate = (X509Certificate)
            CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(args[0]));
        for (int i = 1; i < args.length; i++) {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setNamespaceAware(true);
            Document document = factory.newDocumentBuilder().parse(args[i]);
            NodeList all = document.getElementsByTagNameNS("*", "*");
            for (int at = 0; at < all.getLength(); at++) {
                Element element = (Element) all.item(at);
                if (element.hasAttribute("Id")) {
                    element.setIdAttribute("Id", true);
                }
            }
            NodeList found = document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
            DOMValidateContext context = new DOMValidateContext(certificate.getPublicKey(), found.item(0));
            context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.TRUE);
            XMLSignature signature = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
            System.out.println(found.getLength() == 1 && signature.validate(context));
        }
    }
}
