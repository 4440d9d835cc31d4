package io.sparkhawk.driver;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.sparkhawk", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {

  @ArchTest
  static final ArchRule ROOMS_FORM_NO_CIRCLE =
      slices().matching("io.sparkhawk.driver.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule EXECUTORS_DO_NOT_KNOW_THE_DRIVER =
      noClasses()
          .that()
          .resideInAnyPackage("io.sparkhawk.executor..", "io.sparkhawk.data..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.sparkhawk.driver..");

  @ArchTest
  static final ArchRule CONFIGURATION_PLAN_AND_REPORT_NEED_NO_SPARK =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.sparkhawk.driver.config",
              "io.sparkhawk.driver.plan",
              "io.sparkhawk.driver.progress",
              "io.sparkhawk.driver.report")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.spark..", "scala..");
}
