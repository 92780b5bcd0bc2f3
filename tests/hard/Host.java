/* Host: asks the class path for whoever provides Speaker, when it is told to. */
import java.util.ServiceLoader;
import java.util.TreeSet;

public class Host {
	public interface Speaker {
		String say();
	}

	public static void main(String[] args) throws Exception {
		if (args.length == 0) {
			System.out.println("plain");
			return;
		}
		TreeSet<String> said = new TreeSet<>();
		for (Speaker s : ServiceLoader.load(Speaker.class))
			said.add(s.say());
		System.out.println(said + " " + new String(new byte[] { (byte)0x8a, (byte)0xbf }, args[0]));
	}
}
