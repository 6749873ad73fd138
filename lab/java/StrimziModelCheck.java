import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.strimzi.api.kafka.model.common.UnknownPropertyPreserving;
import io.strimzi.api.kafka.model.kafka.KafkaClusterSpec;
import java.io.File;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads manifests with Strimzi's own model and prints one line per fault. Exit code 0: none, 1: some.
 *
 * The model keeps fields it does not know (found by walking it) and silently turns enum values it does not know into null
 * (found by writing it back and comparing).
 *
 * Asked for the forbidden settings, it prints instead what Strimzi keeps of a broker's settings to itself: on the first line the
 * beginnings of their names, on the second those that may be set all the same.
 */
public class StrimziModelCheck {
    private static final String FORBIDDEN_SETTINGS = "--forbidden-settings";
    private static final String MODEL = "io.strimzi.api.kafka.model.";
    private static final Map<String, String> CLASSES = Map.of(
            "Kafka", "kafka.Kafka",
            "KafkaNodePool", "nodepool.KafkaNodePool",
            "KafkaUser", "user.KafkaUser",
            "KafkaTopic", "topic.KafkaTopic",
            "KafkaRebalance", "rebalance.KafkaRebalance",
            "StrimziPodSet", "podset.StrimziPodSet");

    /** What the model does not write back because it is the default. */
    private static final Set<String> UNWRITTEN_DEFAULTS = Set.of("patternType=\"literal\"", "host=\"*\"", "type=\"allow\"");

    private final List<String> faults = new ArrayList<>();
    private final Set<Object> visited = Collections.newSetFromMap(new IdentityHashMap<>());

    public static void main(String[] files) throws Exception {
        if (files.length == 1 && files[0].equals(FORBIDDEN_SETTINGS)) {
            System.out.println(KafkaClusterSpec.FORBIDDEN_PREFIXES);
            System.out.println(KafkaClusterSpec.FORBIDDEN_PREFIX_EXCEPTIONS);
            return;
        }
        StrimziModelCheck check = new StrimziModelCheck();
        ObjectMapper mapper = new ObjectMapper(new YAMLFactory());
        for (String file : files) {
            try (MappingIterator<JsonNode> documents = mapper.readerFor(JsonNode.class).readValues(new File(file))) {
                while (documents.hasNext()) {
                    check.document(mapper, file, documents.next());
                }
            }
        }
        check.faults.forEach(System.out::println);
        System.exit(check.faults.isEmpty() ? 0 : 1);
    }

    private void document(ObjectMapper mapper, String file, JsonNode document) throws Exception {
        String kind = document.path("kind").asText();
        String name = file + ": " + kind + "/" + document.at("/metadata/name").asText();
        if (!CLASSES.containsKey(kind)) {
            faults.add(name + ": not a kind of Strimzi");
            return;
        }
        try {
            Object model = mapper.treeToValue(document, Class.forName(MODEL + CLASSES.get(kind)));
            unknownFields(model, name);
            lostValues(document, mapper.valueToTree(model), name, "");
        } catch (JsonProcessingException fault) {
            faults.add(name + ": " + fault.getOriginalMessage());
        }
    }

    private void unknownFields(Object value, String path) throws ReflectiveOperationException {
        if (value == null || !visited.add(value)) {
            return;
        }
        if (value instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                unknownFields(entry.getValue(), path + "." + entry.getKey());
            }
        } else if (value instanceof Collection<?> list) {
            int index = 0;
            for (Object item : list) {
                unknownFields(item, path + "[" + index++ + "]");
            }
        } else if (value.getClass().getName().startsWith("io.strimzi.")) {
            // Where nothing is unknown the map may be null.
            if (value instanceof UnknownPropertyPreserving keeper && keeper.getAdditionalProperties() != null) {
                keeper.getAdditionalProperties().keySet().forEach(field -> faults.add(path + "." + field + ": unknown field"));
            }
            for (Method method : value.getClass().getMethods()) {
                if (isGetter(method)) {
                    String field = method.getName().substring(3);
                    unknownFields(method.invoke(value), path + "." + Character.toLowerCase(field.charAt(0)) + field.substring(1));
                }
            }
        }
    }

    private static boolean isGetter(Method method) {
        String name = method.getName();
        return method.getParameterCount() == 0 && name.startsWith("get") && name.length() > 3 && !Modifier.isStatic(method.getModifiers())
                && !name.equals("getClass") && !name.equals("getAdditionalProperties");
    }

    private void lostValues(JsonNode given, JsonNode kept, String path, String field) {
        boolean empty = given.isNull() || given.isContainerNode() && given.isEmpty();
        if (kept == null || kept.isNull()) {
            if (!empty && !UNWRITTEN_DEFAULTS.contains(field + "=" + given)) {
                faults.add(path + ": the model does not take the value " + given);
            }
        } else if (given.isObject()) {
            given.properties().forEach(e -> lostValues(e.getValue(), kept.get(e.getKey()), path + "." + e.getKey(), e.getKey()));
        } else if (given.isArray()) {
            for (int i = 0; i < given.size(); i++) {
                lostValues(given.get(i), kept.get(i), path + "[" + i + "]", field);
            }
        }
    }
}
