/* One: a provider, in an archive of its own; what it says lies beside it. */
public class One implements Host.Speaker {
	public String say() {
		try (java.io.InputStream in = One.class.getResourceAsStream("/words/one.txt")) {
			return new String(in.readAllBytes(), "UTF-8").trim();
		} catch (Exception e) {
			return "nothing: " + e;
		}
	}
}
