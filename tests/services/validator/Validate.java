import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * HL7's own FHIR R4 validator, offline. One line per error, TAB between: file, severity, location, message
 * id, message.
 * Validate [-p DEFINITIONS]... FILE|FOLDER...     A folder gives its *.json; a *.ndjson gives one resource per line.
 * -p: a folder with StructureDefinitions, ValueSets and CodeSystems, for resources that claim a profile of them.
 * Exit status 1 when there is an error, 3 when nothing was found to validate.
 */
public class Validate {
  record Item(String name, String json) {}

  public static void main(String[] args) throws Exception {
    List<Item> items = new ArrayList<>();
    List<Item> definitions = new ArrayList<>();
    for (int i = 0; i < args.length; i++) {
      if (args[i].equals("-p")) read(Path.of(args[++i]), definitions);
      else read(Path.of(args[i]), items);
    }
    FhirValidator validator = validator(definitions);
    List<String> errors = items.parallelStream().flatMap(item -> errors(validator, item)).toList();
    errors.forEach(System.out::println);
    System.err.println(items.size() + " resources, " + errors.size() + " errors");
    System.exit(items.isEmpty() ? 3 : errors.isEmpty() ? 0 : 1);
  }

  private static Stream<String> errors(FhirValidator validator, Item item) {
    return validator.validateWithResult(item.json()).getMessages().stream()
        .filter(m -> m.getSeverity().ordinal() >= ResultSeverityEnum.ERROR.ordinal())
        .map(m -> line(item, m));
  }

  private static String line(Item item, SingleValidationMessage m) {
    String message = String.valueOf(m.getMessage()).replaceAll("\\s+", " ");
    return String.join("\t", item.name(), m.getSeverity().getCode(), String.valueOf(m.getLocationString()),
        String.valueOf(m.getMessageId()), message);
  }

  private static FhirValidator validator(List<Item> definitions) {
    FhirContext fhir = FhirContext.forR4Cached();
    PrePopulatedValidationSupport own = new PrePopulatedValidationSupport(fhir);
    for (Item item : definitions) own.addResource(fhir.newJsonParser().parseResource(item.json()));
    UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(fhir);
    unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
    FhirInstanceValidator module = new FhirInstanceValidator(new ValidationSupportChain(
        own,
        new DefaultProfileValidationSupport(fhir),
        new CommonCodeSystemsTerminologyService(fhir),
        new InMemoryTerminologyServerValidationSupport(fhir),
        unknown,
        new SnapshotGeneratingValidationSupport(fhir)));
    module.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    module.setAnyExtensionsAllowed(true);
    return fhir.newValidator().registerValidatorModule(module);
  }

  private static void read(Path path, List<Item> items) throws IOException {
    if (Files.isDirectory(path)) {
      try (Stream<Path> found = Files.walk(path)) {
        for (Path file : found.filter(f -> f.toString().endsWith(".json")).sorted().toList()) read(file, items);
      }
    } else if (path.toString().endsWith(".ndjson")) {
      int line = 0;
      for (String json : Files.readAllLines(path)) items.add(new Item(path + ":" + ++line, json));
    } else {
      items.add(new Item(path.toString(), Files.readString(path)));
    }
  }
}
