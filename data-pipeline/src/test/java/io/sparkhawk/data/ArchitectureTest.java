package io.sparkhawk.data;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.sparkhawk.data", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {

  @ArchTest
  static final ArchRule ONLY_THE_PREPARATION_SEES_SPARK =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.sparkhawk.data.prepare")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.spark..", "scala..");

  @ArchTest
  static final ArchRule PACKAGES_FORM_NO_CIRCLE =
      slices().matching("io.sparkhawk.data.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule LOWER_ROOMS_DO_NOT_KNOW_THE_PREPARATION =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.sparkhawk.data.prepare")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.sparkhawk.data.prepare");
}
