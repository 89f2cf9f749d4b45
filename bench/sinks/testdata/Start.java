import java.nio.file.*;
import java.util.*;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.*;
import org.opensearch.plugins.Plugin;

/** Starts one node of OpenSearch: Start HOME PORT SETTING=VALUE... */
public class Start {
  static class Bare extends Node {
    Bare(Environment env, Collection<Class<? extends Plugin>> plugins) { super(env, plugins, false); }
  }

  public static void main(String[] args) throws Exception {
    Path home = Paths.get(args[0]).toAbsolutePath();
    for (String dir : new String[] {"config", "modules", "plugins"}) Files.createDirectories(home.resolve(dir));
    Settings.Builder s = Settings.builder()
      .put("path.home", home.toString())
      .put("cluster.name", "test").put("node.name", "n1").put("discovery.type", "single-node")
      .put("network.host", "127.0.0.1").put("http.port", args[1]).put("transport.port", args[2])
      .put("transport.type", "netty4").put("http.type", "netty4")
      .put("cluster.routing.allocation.disk.threshold_enabled", false);
    for (int i = 3; i < args.length; i++) { String[] kv = args[i].split("=", 2); s.put(kv[0], kv[1]); }
    Environment env = InternalSettingsPreparer.prepareEnvironment(s.build(), Map.of(), home.resolve("config"), () -> "n1");
    Node n = new Bare(env, List.of(org.opensearch.transport.Netty4Plugin.class));
    n.start();
    Thread.currentThread().join();
  }
}
